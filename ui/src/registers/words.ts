// The words of this page; they come with it.

import en from '../i18n/registers/en.json'
import zh from '../i18n/registers/zh.json'
import { wordsOf } from '../i18n/own'
import { pick } from '../i18n'
import type { Cell, Column } from './api'

export type RegisterKey = keyof typeof zh
export const { t: tl, word: wordl } = wordsOf<RegisterKey>(zh, en)

export const titleOf = (one: { title_zh: string; title_en: string }): string => pick(one.title_zh, one.title_en)
export const listed = (items: readonly string[]): string => items.join(pick('、', ', '))

/** A cell as people read it; the whole keyed hash of a person is longer than anyone reads. */
export function shown(value: Cell | undefined, column?: Column): string {
  if (value === undefined) return ''
  if (typeof value === 'boolean') return tl(value ? 'cell.yes' : 'cell.no')
  if (Array.isArray(value)) return value.length > 0 ? listed(value) : tl('cell.none')
  const text = String(value)
  return column?.person ? `${text.slice(0, 12)}…` : text
}
