// Which fields of an event say most, for one line of a table.

import type { Fields, FieldValue } from './api/types'

/** In the order in which people look for them. */
const KEY_FIELDS = [
  'source.ip',
  'user.name',
  'user.target.name',
  'gov.auth.method',
  'http.request.method',
  'url.path',
  'http.response.status_code',
  'gov.db.name',
  'gov.db.statement',
  'process.command_line',
  'event.reason',
  'event.outcome',
  'message',
] as const

/** More would not fit one line at 1366 pixels. */
const KEY_FIELDS_SHOWN = 5

export function textOf(value: FieldValue | undefined): string {
  if (value === undefined) return ''
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** The few fields that say most of this event. */
export function keyFields(fields: Fields): [string, FieldValue][] {
  const found = KEY_FIELDS.filter((name) => fields[name] !== undefined)
  const shown = found.filter((name) => {
    if (name === 'message') return found.length < 4
    // A status code says the outcome, and more.
    return name !== 'event.outcome' || fields['http.response.status_code'] === undefined
  })
  return shown.slice(0, KEY_FIELDS_SHOWN).map((name) => [name, fields[name] as FieldValue])
}

/** All fields in name order, the original line left out: it is shown by itself. */
export function otherFields(fields: Fields): [string, FieldValue][] {
  return Object.entries(fields)
    .filter(([name]) => name !== 'event.original')
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

export function time(fields: Fields): string {
  return textOf(fields['@timestamp'])
}
