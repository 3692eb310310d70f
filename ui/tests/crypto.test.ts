import './page'

import { afterEach, describe, expect, it } from 'vitest'

import type { Approval, Certificate, Listed } from '../src/crypto/api'
import { applicationOf, credentialsOf, dangersOf, found, nearness, standing, whyNot } from '../src/crypto/facts'
import { listing } from '../src/crypto/listing'
import { tc, wordc } from '../src/crypto/words'
import { setLanguage } from '../src/i18n'

const NOW = Date.parse('2026-11-20T08:00:00Z')
const asked: Approval = {
  id: '1',
  kind: 'destroy',
  key: 'payments.receipt',
  asked_by: 'wang',
  asked_at: '2026-11-20T08:00:00Z',
  expires_at: '2026-11-27T08:00:00Z',
  params: { days: '30' },
  state: 'waiting',
  decided_by: null,
  failure: null,
}
const certificate: Certificate = {
  serial: '1',
  fingerprint: 'f',
  subject: 'CN=payments',
  issuer: 'CN=root',
  owner: 'payments',
  key: null,
  version: null,
  profile: 'sign',
  not_after: '2026-12-01T00:00:00Z',
  revoked_at: null,
  reason: null,
  renewed_by: null,
}

describe('an end', () => {
  it('is near within thirty days, over from its moment on, and may be none', () => {
    expect(nearness('2026-12-20T08:00:00.000001Z', NOW)).toBe('soon')
    expect(nearness('2026-12-20T08:00:01Z', NOW)).toBe('far')
    expect(nearness('2026-11-20T08:00:00Z', NOW)).toBe('over')
    expect(nearness(null, NOW)).toBe('never')
  })

  it('of a certificate no longer in use worries nobody', () => {
    expect(standing(certificate, NOW)).toBe('soon')
    expect(standing({ ...certificate, renewed_by: 'g' }, NOW)).toBe('renewed')
    expect(standing({ ...certificate, renewed_by: 'g', revoked_at: '2026-11-20T00:00:00Z' }, NOW)).toBe('revoked')
  })
})

describe('an application', () => {
  it('is told by its living credentials, the first to end before the others', () => {
    const one = (expires_at: string | null, living = true) => ({ id: 'a', kind: 'token', expires_at, living })
    expect(credentialsOf([one('2027-11-20T08:00:00Z'), one('2026-12-01T00:00:00Z'), one(null), one('2026-11-21T00:00:00Z', false)], NOW)).toEqual({
      living: 3,
      soon: 1,
      next: '2026-12-01T00:00:00Z',
    })
    expect(credentialsOf([], NOW)).toEqual({ living: 0, soon: 0, next: null })
  })

  it('shows what could do harm, with the keys it holds for, and nothing else', () => {
    const grants = [
      { key: '*', operations: ['sign', 'sign_e'] },
      { key: 'payments.box', operations: ['decrypt', 'sign_e'] },
      { key: '-', operations: ['digest'] },
    ]
    expect(dangersOf(grants)).toEqual([
      { operation: 'sign_e', keys: ['*', 'payments.box'] },
      { operation: 'decrypt', keys: ['payments.box'] },
    ])
  })
})

describe('an approval', () => {
  it('is not for who asked, whatever they may, nor for who may not approve', () => {
    expect(whyNot(asked, 'wang', true)).toBe('asker')
    expect(whyNot(asked, 'wang', false)).toBe('asker')
    expect(whyNot(asked, 'li', false)).toBe('permission')
    expect(whyNot(asked, 'li', true)).toBeNull()
  })

  it('names the application where none of us asked', () => {
    expect(applicationOf('application:payments')).toBe('payments')
    expect(applicationOf('wang')).toBeNull()
  })
})

describe('the filter', () => {
  it('wants every word, in any text, in any case', () => {
    expect(found('pay FIN', ['payments', '财政局', 'finance'])).toBe(true)
    expect(found('pay tax', ['payments', null])).toBe(false)
    expect(found('', [])).toBe(true)
  })
})

describe('a list', () => {
  it('goes on where it ended, and keeps what it has when reading fails', async () => {
    const pages: Record<string, Listed<number>> = { '': { items: [1, 2], next_cursor: '2' }, '2': { items: [3], next_cursor: null } }
    let broken = false
    const list = listing<number>(async (cursor = '') => {
      if (broken) throw new Error('away')
      return pages[cursor] ?? { items: [] }
    })
    await list.load()
    expect([list.items.value, list.next.value]).toEqual([[1, 2], '2'])
    await list.more()
    expect([list.items.value, list.next.value]).toEqual([[1, 2, 3], null])
    broken = true
    await list.load()
    expect(list.items.value).toEqual([1, 2, 3])
    expect(list.problem.value?.code).toBe('ui.unexpected')
  })

  it('shows the newest answer, not the last to come', async () => {
    const waiting: ((page: Listed<string>) => void)[] = []
    const list = listing<string>(() => new Promise((resolve) => waiting.push(resolve)))
    const both = [list.load(), list.load()]
    waiting[1]?.({ items: ['new'] })
    waiting[0]?.({ items: ['old'] })
    await Promise.all(both)
    expect(list.items.value).toEqual(['new'])
  })
})

describe('its words', () => {
  afterEach(() => setLanguage('zh'))

  it('follow the language of the page, and leave unknown names as they came', async () => {
    expect(tc('credentials.living', { count: 2 })).toBe('有效 2 个')
    await setLanguage('en')
    expect(tc('credentials.living', { count: 2 })).toBe('2 living')
    expect(wordc('operation', 'brew')).toBe('brew')
  })
})
