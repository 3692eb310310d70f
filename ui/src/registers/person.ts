// Who reads this page.

import { may, me } from '../state/session'
import type { Person } from './facts'

export function reader(): Person {
  const units = me.value?.scope.units ?? []
  return { name: me.value?.name ?? '', may, holds: (unit) => units.includes('*') || units.includes(unit) }
}
