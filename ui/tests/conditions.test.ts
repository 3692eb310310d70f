import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import './page'

import { afterEach, describe, expect, it } from 'vitest'

import { conditionName } from '../src/conditions'
import { setLanguage } from '../src/i18n'
import zh from '../src/i18n/zh.json'

const engine = join(import.meta.dirname, '../../analytics/language/document.py')

describe('the kinds of rules', () => {
  it('all have a word', () => {
    const parts = /^PARTS[^(]*\(([^)]*)\)/m.exec(readFileSync(engine, 'utf8'))?.[1] ?? ''
    const kinds = [...parts.matchAll(/"(\w+)"/g)].map((found) => found[1])
    expect(kinds.length).toBeGreaterThan(10)
    for (const kind of [...kinds, 'event']) expect(zh, String(kind)).toHaveProperty([`kind.${kind}`])
  })
})

describe('a condition', () => {
  afterEach(() => setLanguage('zh'))

  it('says what is counted and of which field', () => {
    expect(conditionName('distinct user.name')).toBe('不同的“账号”数')
    expect(conditionName('value_percentile gov.bytes 950')).toBe('“gov.bytes”的千分之 950 分位数')
    expect(conditionName('permille failures')).toBe('“失败次数”的占比（千分）')
    expect(conditionName('event_count')).toBe('符合规则的事件数')
  })

  it('of a period says which', () => {
    expect(conditionName('sum gov.bytes of the hour')).toBe('本小时：“gov.bytes”之和')
    expect(conditionName('event_count of the day')).toBe('当日：符合规则的事件数')
    expect(conditionName('past hours')).toBe('已知的小时数')
  })

  it('stays as a rule named it', () => {
    expect(conditionName('paid → refunded')).toBe('paid → refunded')
    expect(conditionName('order.amount gte paid.amount')).toBe('order.amount gte paid.amount')
  })

  it('is told in English where that is chosen', async () => {
    await setLanguage('en')
    expect(conditionName('days unseen')).toBe('Days unseen')
  })
})
