// Conditions in words: the engine names them by what they count, and of which field or step.

import { t, word, type MessageKey } from './i18n'

/** `sum url.bytes`: what is counted, of which field; a percentile's permille comes behind. */
const OF = new Set([
  'distinct',
  'estimated',
  'sum',
  'permille',
  'value_count',
  'value_sum',
  'value_avg',
  'value_median',
  'value_percentile',
  'value_share',
])

/** `event_count of the hour`: a figure of a period, against the entity's own past. */
const PERIOD = /^(.+) of the (hour|day)$/

/** The name of a condition in the chosen language; one that rules made stays as it came. */
export function conditionName(name: string): string {
  const period = PERIOD.exec(name)
  if (period) return t(`condition.of.${period[2] as 'hour' | 'day'}`, { figure: conditionName(period[1] ?? '') })
  const [what = '', of, permille = ''] = name.split(' ')
  if (of !== undefined && OF.has(what)) {
    const field = word('field', of)
    return t(`condition.${what}` as MessageKey, { field: what === 'permille' ? word('condition', of) : field, permille })
  }
  const key = name.replaceAll(' ', '_')
  const known = word('condition', key)
  return known === key ? name : known
}
