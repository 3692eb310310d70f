// The alert list as pure functions: what is known is updated where it stands, what is new waits its turn.

import type { AlertRow, VerdictFilter } from '../api/types'

export interface QuickFilter {
  verdict: VerdictFilter
  severity: number | null
  rule: string
  /** Also those an exception hides. */
  hidden: boolean
}

/** True where an alert belongs under the quick filters; the text filter is the server's. */
export function passes(row: AlertRow, filter: QuickFilter): boolean {
  if (row.exception !== null && !filter.hidden) return false
  if (filter.severity !== null && row.severity !== filter.severity) return false
  if (filter.rule !== '' && row.rule.id !== filter.rule) return false
  if (filter.verdict === 'all') return true
  if (filter.verdict === 'open' && row.state === 'withdrawn') return false
  return (row.acknowledged !== null) === (filter.verdict === 'done')
}

/** The newer of two states of one alert; a revision carries a higher sequence number. */
export function newer(known: AlertRow, incoming: AlertRow): AlertRow {
  return incoming.seq >= known.seq ? incoming : known
}

/** The rows with this one brought up to date where it stands, or null where it is not among them. */
export function updated(rows: readonly AlertRow[], incoming: AlertRow): AlertRow[] | null {
  const place = rows.findIndex((row) => row.id === incoming.id)
  if (place < 0) return null
  const next = rows.slice()
  next[place] = newer(rows[place] as AlertRow, incoming)
  return next
}

/** All rows once, newest first; later lists win over earlier ones. */
export function merged(...lists: readonly (readonly AlertRow[])[]): AlertRow[] {
  const byId = new Map<string, AlertRow>()
  for (const row of lists.flat()) {
    const known = byId.get(row.id)
    byId.set(row.id, known ? newer(known, row) : row)
  }
  return [...byId.values()].sort(newestFirst)
}

function newestFirst(a: AlertRow, b: AlertRow): number {
  const apart = Date.parse(b.decided_at) - Date.parse(a.decided_at)
  return apart !== 0 ? apart : a.id < b.id ? 1 : -1
}

/** The id `step` rows away from the selected one, inside the list. */
export function neighbour(rows: readonly AlertRow[], selected: string | null, step: number): string | null {
  if (rows.length === 0) return null
  const place = rows.findIndex((row) => row.id === selected)
  if (place < 0) return rows[0]?.id ?? null
  return rows[Math.min(rows.length - 1, Math.max(0, place + step))]?.id ?? null
}
