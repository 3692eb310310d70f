// Keys to actions, from the one data file: single keys, and two-key sequences such as "g a".

import keys from './keys.json'

export type Action =
  | 'next'
  | 'previous'
  | 'open'
  | 'close'
  | 'true_positive'
  | 'benign'
  | 'false_positive'
  | 'duplicate'
  | 'accepted'
  | 'note'
  | 'prove'
  | 'refresh'
  | 'filter'
  | 'help'
  | 'go_alerts'
  | 'go_events'
  | 'go_sensors'
  | 'go_rules'
  | 'go_crypto' | 'go_registers'
export type KeyScope = 'all' | 'alerts' | 'opened'

export interface Binding {
  keys: string[]
  action: Action
  scope: KeyScope
}

export const BINDINGS = keys as Binding[]

/** Long enough to find the second key, short enough that a forgotten first one does no harm. */
const SEQUENCE_MS = 1_500

/** Turns key names into actions; `now` is the time of the key press in milliseconds. */
export function keyReader(bindings: readonly Binding[] = BINDINGS) {
  const byKeys = new Map(bindings.flatMap((binding) => binding.keys.map((key) => [key, binding])))
  const firsts = new Set([...byKeys.keys()].filter((key) => key.includes(' ')).map((key) => key[0]))
  let first = ''
  let firstAt = 0
  return (key: string, now: number, scopes: ReadonlySet<KeyScope>): Action | null => {
    const held = now - firstAt <= SEQUENCE_MS ? first : ''
    first = ''
    const binding = byKeys.get(held ? `${held} ${key}` : key)
    if (binding && scopes.has(binding.scope)) return binding.action
    if (!held && firsts.has(key)) {
      first = key
      firstAt = now
    }
    return null
  }
}

/** True where a key belongs to the element under focus and not to the page. */
export function belongsToElement(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true
  const target = event.target
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('dialog[open]')) return true
  if (event.key === 'Escape') return false
  if (target.closest('input, textarea, select, [contenteditable]')) return true
  const pressed = event.key === 'Enter' || event.key === ' '
  if (pressed && target.closest('button, a, summary') !== null) return true
  // Arrows scroll the opened pane while the focus is inside it.
  return event.key.startsWith('Arrow') && target.closest('[data-own-arrows]') !== null
}
