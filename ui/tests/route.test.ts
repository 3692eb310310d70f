import './page'

import { describe, expect, it } from 'vitest'

import { HOME, readRoute, readToken, writeRoute } from '../src/state/route'

describe('the address', () => {
  it('keeps the opened alert and the search through a reload', () => {
    for (const route of [
      HOME,
      { ...HOME, alert: 'ab12' },
      { ...HOME, view: 'events' as const, filter: 'url.path:"/a b&c"', range: '24h' },
      { ...HOME, view: 'events' as const, start: '2026-11-20T08:00:00.000Z', end: '2026-11-20T09:00:00.000Z' },
    ]) {
      expect(readRoute(writeRoute(route))).toEqual(route)
    }
  })

  it('goes to the alerts where it makes no sense', () => {
    expect(readRoute('#/nowhere/at?all')).toEqual(HOME)
    expect(readRoute('')).toEqual(HOME)
  })

  it('gives a login token from the fragment only', () => {
    expect(readToken('#token=abc-_1')).toBe('abc-_1')
    expect(readToken('#/alerts/token=abc')).toBeNull()
  })
})
