// Words of a part that is loaded apart from the console's first paint: both languages come with the part.

import { filled, language, type Parameters } from '.'

/** `t` and `word` of two message files with the same keys; the language is the page's. */
export function wordsOf<K extends string>(inChinese: Readonly<Record<K, string>>, inEnglish: Readonly<Record<K, string>>) {
  const t = (key: K, parameters: Parameters = {}): string =>
    filled((language.value === 'zh' ? inChinese : inEnglish)[key], parameters)
  /** The message `prefix.name` where there is one, else the name as it came. */
  const word = (prefix: string, name: string): string => {
    const key = `${prefix}.${name}`
    return key in inChinese ? t(key as K) : name
  }
  return { t, word }
}
