import { describe, expect, it } from 'vitest'

import en from '../src/i18n/en.json'
import { BINDINGS, keyReader, type KeyScope } from '../src/keyboard'

const everywhere = new Set<KeyScope>(['all', 'alerts', 'opened'])

describe('the keys', () => {
  it('do what the data file says', () => {
    const read = keyReader()
    expect(read('j', 0, everywhere)).toBe('next')
    expect(read('f', 1, everywhere)).toBe('false_positive')
    expect(read('q', 2, everywhere)).toBeNull()
  })

  it('go somewhere after g, if the second key comes in time', () => {
    const read = keyReader()
    expect(read('g', 0, everywhere)).toBeNull()
    expect(read('s', 1_000, everywhere)).toBe('go_sensors')
    expect(read('g', 5_000, everywhere)).toBeNull()
    expect(read('s', 9_000, everywhere)).toBeNull()
  })

  it('give no verdict while no alert is open', () => {
    const read = keyReader()
    expect(read('t', 0, new Set<KeyScope>(['all', 'alerts']))).toBeNull()
    expect(read('t', 1, everywhere)).toBe('true_positive')
  })

  it('each mean one thing and are described', () => {
    const keys = BINDINGS.flatMap((binding) => binding.keys)
    expect(new Set(keys).size).toBe(keys.length)
    for (const binding of BINDINGS) expect(en).toHaveProperty([`key.${binding.action}`])
  })

  it('lead from a selected alert to a verdict in two presses', () => {
    const read = keyReader()
    expect(['Enter', 't'].map((key, place) => read(key, place, everywhere))).toEqual(['open', 'true_positive'])
  })
})
