import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import apiEn from '../src/i18n/api/en.json'
import apiZh from '../src/i18n/api/zh.json'
import cryptoEn from '../src/i18n/crypto/en.json'
import cryptoZh from '../src/i18n/crypto/zh.json'
import en from '../src/i18n/en.json'
import registersEn from '../src/i18n/registers/en.json'
import registersZh from '../src/i18n/registers/zh.json'
import zh from '../src/i18n/zh.json'

/** Names that stay as they are in Chinese text, besides what stands between backticks. */
const NAMES = ['CSV', 'UTF', 'GBK', 'XLSX', 'JSON', 'MiB', 'SM2', 'SM3', 'SSH', 'PAM', 'EN', 'Windows', 'source.ip', 'event.action:ssh_login', 'user.name:root']

const source = join(import.meta.dirname, '../src')
const files = (readdirSync(source, { recursive: true }) as string[])
  .filter((name) => /\.(vue|ts)$/.test(name))
  .map((name) => readFileSync(join(source, name), 'utf8'))

const SETS: [string, Record<string, string>, Record<string, string>][] = [
  ['the messages', zh, en],
  ['the words of the API reference', apiZh, apiEn],
  ['the words of the national-crypto service', cryptoZh, cryptoEn],
  ['the words of the registers', registersZh, registersEn],
]

describe.each(SETS)('%s', (_, zh, en) => {
  it('have the same keys in both languages, in the same order', () => {
    expect(Object.keys(en)).toEqual(Object.keys(zh))
  })

  it('take the same parameters in both languages', () => {
    const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort()
    for (const [key, text] of Object.entries(zh)) {
      expect(parameters(en[key] ?? ''), key).toEqual(parameters(text))
    }
  })

  it('hold no English words in Chinese but names', () => {
    for (const [key, text] of Object.entries(zh)) {
      const rest = NAMES.reduce((left, name) => left.replaceAll(name, ''), text.replace(/\{\w+\}|`[^`]*`/g, ''))
      expect(rest.match(/[A-Za-z]{2,}/), `${key}: ${text}`).toBeNull()
    }
  })

  it('hold no Chinese in English but the switch to Chinese', () => {
    const chinese = Object.entries(en).filter(([, text]) => /\p{Script=Han}/u.test(text))
    expect(chinese.map(([key]) => key)).toEqual('language.other' in en ? ['language.other'] : [])
  })

  it('are all used', () => {
    const all = files.join('\n')
    const composed = [...all.matchAll(/(?:t[acl]?|word[acl]?|named)\([`']([\w.]*?)(?:\.\$\{|', )/g)].map((found) => found[1])
    const templates = [...all.matchAll(/`([\w.]+)\.\$\{/g)].map((found) => found[1])
    const prefixes = [...composed, ...templates, 'alerts.empty', 'verdict', 'alertstate']
    for (const key of Object.keys(zh)) {
      const used = all.includes(`'${key}'`) || prefixes.some((prefix) => prefix && key.startsWith(`${prefix}.`))
      expect(used, key).toBe(true)
    }
  })
})

describe('the messages', () => {
  it('are the only words of the pages', () => {
    for (const file of files) {
      const template = /<template>([\s\S]*)<\/template>/.exec(file)?.[1] ?? ''
      expect(template.match(/\p{Script=Han}+/u)).toBeNull()
    }
  })
})
