import './page'

import { describe, expect, it } from 'vitest'

import type { Column, Grant, Version } from '../src/registers/api'
import { actsOn, cellOf, differing, itemsOf, ordered, stageOf, stepsOf, whyNotAct, whyNotApprove, type Person } from '../src/registers/facts'
import { shown, wordl } from '../src/registers/words'

const NOW = Date.parse('2026-11-20T08:00:00Z')
const at = (days: number): string => new Date(NOW + days * 86_400_000).toISOString()
const grant: Grant = {
  id: 'g',
  requester: 'civil-affairs',
  service: 'marriage',
  purpose: '办理低保',
  fields: ['name'],
  quota_per_day: 10,
  until: at(700),
  owner_unit: 'civil-registry',
  state: 'approved',
  holds_until: at(366),
  asked_by: 'zhang',
  asked_at: at(-1),
  decided_by: 'li',
  decided_at: at(0),
  certified_by: 'li',
  certified_at: at(0),
  revoked_by: null,
  revoked_at: null,
  register_version: 1,
}
const person = (name: string, units: string[] = ['*'], may = true): Person => ({
  name,
  may: () => may,
  holds: (unit) => units.includes('*') || units.includes(unit),
})

describe('a grant', () => {
  it('is to be certified within thirty days of its year, and lapses without', () => {
    expect(stageOf(grant, NOW)).toBe('holds')
    expect(stageOf({ ...grant, holds_until: at(30) }, NOW)).toBe('certify')
    expect(stageOf({ ...grant, state: 'expired', holds_until: at(0) }, NOW)).toBe('lapsed')
    expect(actsOn('lapsed')).toEqual(['certify', 'revoke'])
  })

  it('that ends is not certified but ends', () => {
    expect(stageOf({ ...grant, until: at(20), holds_until: at(20) }, NOW)).toBe('expiring')
    expect(stageOf({ ...grant, state: 'expired', until: at(0), holds_until: at(0) }, NOW)).toBe('expired')
    expect(actsOn('expired')).toEqual([])
  })

  it('asked for too late can only be refused', () => {
    const asked: Grant = { ...grant, state: 'asked', holds_until: null, decided_by: null, certified_by: null }
    expect(stageOf(asked, NOW)).toBe('asked')
    expect(stageOf({ ...asked, until: at(0) }, NOW)).toBe('late')
    expect(actsOn('late')).toEqual(['refuse'])
  })

  it('is decided by another person than asked, of the unit that owns the data', () => {
    expect(whyNotAct(grant, 'certify', person('zhang'))).toBe('asker')
    expect(whyNotAct(grant, 'revoke', person('zhang'))).toBeNull()
    expect(whyNotAct(grant, 'certify', person('li', ['tax']))).toBe('unit')
    expect(whyNotAct(grant, 'certify', person('li', ['civil-registry'], false))).toBe('permission')
    expect(whyNotAct(grant, 'certify', person('li', ['civil-registry']))).toBeNull()
  })

  it('tells each step once: its approval is its first certification', () => {
    expect(stepsOf(grant).map((one) => one.what)).toEqual(['asked', 'approved'])
    const whole: Grant = { ...grant, certified_at: at(300), revoked_by: 'li', revoked_at: at(310) }
    expect(stepsOf(whole).map((one) => one.what)).toEqual(['asked', 'approved', 'certified', 'revoked'])
    expect(stepsOf({ ...grant, state: 'refused', certified_by: null, certified_at: null }).at(-1)?.what).toBe('refused')
  })
})

describe('a proposal', () => {
  const version = { number: 1, proposed_by: 'zhang' } as Version
  it('is not approved by who made it, nor without the right or every unit', () => {
    expect(whyNotApprove(version, person('zhang'))).toBe('asker')
    expect(whyNotApprove(version, person('li', ['tax']))).toBe('unit')
    expect(whyNotApprove(version, person('li', ['*'], false))).toBe('permission')
    expect(whyNotApprove(version, person('li'))).toBeNull()
  })

  it('shows the cells that differ alone', () => {
    expect(differing({ a: 1, b: ['x'] }, { a: 1, b: ['x', 'y'], c: true })).toEqual(['b', 'c'])
    expect(differing({ a: 1 }, { a: 1 })).toEqual([])
  })
})

describe('a row', () => {
  const column = (name: string, person = false): Column => ({ name, type: 'text', title_zh: name, title_en: name, required: false, person })
  it('begins with its key in the order of the key', () => {
    const columns = ordered([column('name'), column('payee'), column('dept')], ['dept', 'payee'])
    expect(columns.map((one) => one.name)).toEqual(['dept', 'payee', 'name'])
    const row = { key: ['01', 'acct'], fields: { name: '专户' } }
    expect(columns.map((one) => cellOf(row, one.name, ['dept', 'payee']))).toEqual(['01', 'acct', '专户'])
  })

  it('shows lists, yes and no as people write them, and the beginning of a keyed hash', () => {
    expect([shown(['a', 'b']), shown([])]).toEqual(['a、b', '无'])
    expect([shown(true), shown(false), shown(0), shown(undefined)]).toEqual(['是', '否', '0', ''])
    expect(shown('0123456789abcdef', column('subject', true))).toBe('0123456789ab…')
  })
})

describe('typed lists', () => {
  it('are split at commas of either script, spaces and lines, each item once', () => {
    expect(itemsOf(' name，state, name\nid；x、y ')).toEqual(['name', 'state', 'id', 'x', 'y'])
  })
})

describe('its words', () => {
  it('leave unknown answers of the API as they came', () => {
    expect(wordl('verdict', 'granted')).toBe('有授权')
    expect(wordl('verdict', 'brewed')).toBe('brewed')
  })
})
