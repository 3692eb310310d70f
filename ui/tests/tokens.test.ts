import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

const css = readFileSync(join(import.meta.dirname, '../src/styles/tokens.css'), 'utf8')

function tokens(block: string): Map<string, string> {
  return new Map([...block.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map((found) => [found[1] as string, found[2] as string]))
}

const light = tokens(css.slice(0, css.indexOf('@media')))
const system = tokens(css.slice(css.indexOf('prefers-color-scheme'), css.indexOf("data-theme='dark'")))
const dark = tokens(css.slice(css.indexOf("data-theme='dark'")))

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** WCAG 2 contrast ratio. */
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

const SURFACES = ['--page', '--surface', '--surface-raised', '--surface-hover', '--surface-selected']
const TEXTS = ['--text', '--text-quiet', '--accent', '--good', '--bad', '--warn', '--severity-0', '--severity-1', '--severity-2', '--severity-3', '--severity-4']
const PAIRS: [string, string][] = [
  ...TEXTS.flatMap((text) => SURFACES.map((surface): [string, string] => [text, surface])),
  ['--accent-text', '--accent'],
  ['--header-text', '--header'],
  ['--header-quiet', '--header'],
  ['--banner-text', '--banner'],
  ['--text', '--warn-surface'],
]

describe('the colours', () => {
  it('are the same whether dark was chosen or is the system’s', () => {
    expect([...dark]).toEqual([...system])
    expect(dark.size).toBe(light.size)
  })

  for (const [name, theme] of [['light', light], ['dark', dark]] as const) {
    it(`give every text a contrast of at least 4.5 in the ${name} theme`, () => {
      const low = PAIRS.map(([text, surface]) => ({ text, surface, ratio: contrast(theme.get(text) ?? '#000000', theme.get(surface) ?? '#000000') }))
      expect(low.filter((pair) => pair.ratio < 4.5)).toEqual([])
    })
  }
})
