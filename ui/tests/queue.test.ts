import { describe, expect, it } from 'vitest'

import type { AlertRow } from '../src/api/types'
import { merged, neighbour, passes, updated } from '../src/state/queue'

function alert(id: string, seq: number, more: Partial<AlertRow> = {}): AlertRow {
  return {
    id,
    seq,
    rule: { id: 'host-ssh-password-guessing', version: '1.0.0', kind: 'threshold', system: 'host', title_zh: '猜测', title_en: 'Guessing' },
    entity_field: 'source.ip',
    entity: '203.0.113.9',
    severity: 3,
    score: 60,
    state: 'final',
    decided_at: `2026-11-20T08:00:0${seq % 10}.000000Z`,
    last_at: '2026-11-20T08:10:00.000000Z',
    count: 8,
    acknowledged: null,
    exception: null,
    ...more,
  }
}

const judged = { by: 'li', at: '2026-11-20T09:00:00Z', verdict: 'benign', note: '' } as const
const open = { verdict: 'open', severity: null, rule: '', hidden: false } as const

describe('the alert queue', () => {
  it('updates a known alert where it stands and never adds an unknown one', () => {
    const rows = [alert('a', 2), alert('b', 1)]
    expect(updated(rows, alert('b', 5, { count: 99 }))?.map((row) => row.count)).toEqual([8, 99])
    expect(updated(rows, alert('c', 6))).toBeNull()
  })

  it('keeps the newer of two states, whatever order they arrive in', () => {
    expect(updated([alert('a', 7, { state: 'final' })], alert('a', 3, { state: 'provisional' }))?.[0]?.state).toBe('final')
    expect(merged([alert('a', 7, { count: 9 })], [alert('a', 3)])[0]?.count).toBe(9)
  })

  it('shows each alert once, newest first, ties by id as the server sorts them', () => {
    const same = { decided_at: '2026-11-20T08:00:05.000000Z' }
    expect(merged([alert('a', 1, same), alert('b', 2, same)], [alert('c', 9)]).map((row) => row.id)).toEqual(['c', 'b', 'a'])
  })

  it('takes only what belongs under the quick filters', () => {
    expect(passes(alert('a', 1), open)).toBe(true)
    expect(passes(alert('a', 1, { acknowledged: judged }), open)).toBe(false)
    expect(passes(alert('a', 1, { state: 'withdrawn' }), open)).toBe(false)
    expect(passes(alert('a', 1), { ...open, severity: 4 })).toBe(false)
    expect(passes(alert('a', 1), { ...open, rule: 'other' })).toBe(false)
    expect(passes(alert('a', 1, { acknowledged: judged }), { ...open, verdict: 'done' })).toBe(true)
  })

  it('moves the selection by id, inside the list, from the first row where none is selected', () => {
    const rows = [alert('a', 3), alert('b', 2), alert('c', 1)]
    expect(neighbour(rows, null, 1)).toBe('a')
    expect(neighbour(rows, 'a', 1)).toBe('b')
    expect(neighbour(rows, 'c', 1)).toBe('c')
    expect(neighbour(rows, 'a', -1)).toBe('a')
    expect(neighbour([], 'a', 1)).toBeNull()
  })
})
