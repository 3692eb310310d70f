import { describe, expect, it } from 'vitest'

import { keyFields, otherFields } from '../src/eventfields'
import { term, withTerm } from '../src/filter'
import { duration, fromLocalInput, localInput, localTime, utcTime } from '../src/format'
import { bars, bucketStart, spanOf, widthFor } from '../src/state/events'
import { rowWindow, scrollTo } from '../src/state/window'

describe('times', () => {
  it('are shown in Beijing, with the year only where it is another', () => {
    expect(localTime('2026-11-20T16:00:05.123456Z', 2026)).toBe('11-21 00:00:05')
    expect(localTime('2025-12-31T20:00:00Z', 2026)).toBe('01-01 04:00:00')
    expect(localTime('2025-12-31T10:00:00Z', 2026)).toBe('2025-12-31 18:00:00')
  })

  it('are told in UTC beside it, and as they came where they are no times', () => {
    expect(utcTime('2026-11-20T16:00:05.123456Z')).toBe('2026-11-20 16:00:05 UTC')
    expect(localTime('soon', 2026)).toBe('soon')
    expect(localTime(null)).toBe('—')
  })

  it('come back from an input as they went in', () => {
    expect(localInput('2026-11-20T16:00:00Z')).toBe('2026-11-21T00:00')
    expect(fromLocalInput('2026-11-21T00:00')).toBe('2026-11-20T16:00:00.000Z')
    expect(fromLocalInput('')).toBe('')
  })

  it('last at most two units', () => {
    expect(duration(125, 'zh')).toBe('2 分 5 秒')
    expect(duration(90_061, 'en')).toBe('1 d 1 h')
    expect(duration(0, 'en')).toBe('0 s')
    expect(duration(null, 'zh')).toBe('—')
  })
})

describe('filter terms', () => {
  it('quote what the grammar would read otherwise', () => {
    expect(term('source.ip', '2001:db8::1')).toBe('source.ip:2001:db8::1')
    expect(term('url.path', '/a b')).toBe('url.path:"/a b"')
    expect(term('url.path', '/../etc')).toBe('url.path:"/../etc"')
    expect(term('message', 'a "b" \\ *', true)).toBe('-message:"a \\"b\\" \\\\ *"')
  })

  it('are added once', () => {
    expect(withTerm('a:b', 'c:d')).toBe('a:b c:d')
    expect(withTerm('a:b c:d', 'c:d')).toBe('a:b c:d')
    expect(withTerm('', 'c:d')).toBe('c:d')
  })
})

describe('the virtual list', () => {
  it('draws the rows in view and a few beyond, never past the ends', () => {
    expect(rowWindow(0, 320, 32, 1_000)).toEqual({ first: 0, last: 18 })
    expect(rowWindow(3_200, 320, 32, 105)).toEqual({ first: 92, last: 105 })
    expect(rowWindow(900, 320, 32, 0)).toEqual({ first: 0, last: 0 })
  })

  it('scrolls no more than it must', () => {
    expect(scrollTo(5, 0, 320, 32)).toBe(0)
    expect(scrollTo(10, 0, 320, 32)).toBe(32)
    expect(scrollTo(2, 320, 320, 32)).toBe(64)
  })
})

describe('the histogram', () => {
  it('counts by the narrowest width the API has for the span', () => {
    expect(widthFor(spanOf('15m', Date.parse('2026-11-20T08:00:00Z')))).toBe(60)
    expect(widthFor({ start: '2026-11-19T08:00:00Z', end: '2026-11-20T08:00:00Z' })).toBe(3_600)
    expect(widthFor({ start: '2026-10-19T08:00:00Z', end: '2026-11-20T08:00:00Z' })).toBe(3_600)
    expect(widthFor({ start: '2026-08-19T08:00:00Z', end: '2026-11-20T08:00:00Z' })).toBe(86_400)
  })

  it('reads a key as text, as seconds and as microseconds', () => {
    const at = Date.parse('2026-11-20T08:00:00Z')
    expect(bucketStart('2026-11-20T08:00:00.000000Z')).toBe(at)
    expect(bucketStart(String(at / 1_000))).toBe(at)
    expect(bucketStart(at * 1_000)).toBe(at)
  })

  it('draws empty times as empty and loses no event when it joins bars', () => {
    const hour = (place: number) => ({ key: new Date(place * 3_600_000).toISOString(), count: 2 })
    expect(bars([hour(3), hour(0)], 3_600).bars.map((bar) => bar.count)).toEqual([2, 0, 0, 2])
    const month = bars(Array.from({ length: 700 }, (_, place) => hour(place)), 3_600)
    expect(month.bars.length).toBeLessThanOrEqual(121)
    expect(month.bars.reduce((sum, bar) => sum + bar.count, 0)).toBe(1_400)
    expect(bars([], 3_600).bars).toEqual([])
  })
})

describe('an event', () => {
  const fields = { '@timestamp': 'x', message: 'm', 'source.ip': '192.0.2.1', 'url.path': '/', 'http.response.status_code': 404, 'event.outcome': 'failure', 'event.original': 'line' }

  it('is told by the fields that say most', () => {
    expect(keyFields(fields).map(([name]) => name)).toEqual(['source.ip', 'url.path', 'http.response.status_code'])
    expect(keyFields({ message: 'only' })).toEqual([['message', 'only']])
  })

  it('shows its original line apart', () => {
    expect(otherFields(fields).map(([name]) => name)).not.toContain('event.original')
  })
})
