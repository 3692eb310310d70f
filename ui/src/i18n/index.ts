// Two flat message files, Chinese first; a missing key cannot be written (it is a type error).

import { ref, watchEffect } from 'vue'

import type { Language } from '../api/types'
import { stored, store } from '../state/storage'
import zh from './zh.json'

export type MessageKey = keyof typeof zh
export type Parameters = Readonly<Record<string, string | number>>

const messages: Record<Language, Record<MessageKey, string>> = { zh, en: zh }

export const language = ref<Language>('zh')

watchEffect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
})

/** Switches once the messages are there; English is fetched only by those who read it. */
export async function setLanguage(chosen: Language): Promise<void> {
  if (chosen === 'en' && messages.en === zh) messages.en = (await import('./en.json')).default
  language.value = chosen
  store('language', chosen)
}

/** The language chosen at an earlier visit; awaited before the page is drawn. */
export async function startLanguage(): Promise<void> {
  if (stored('language') === 'en') await setLanguage('en')
}

/** The message in the chosen language, `{name}` replaced by its parameter. */
export function t(key: MessageKey, parameters: Parameters = {}): string {
  return filled(messages[language.value][key], parameters)
}

/** A message with `{name}` replaced by its parameter. */
export function filled(message: string, parameters: Parameters): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole))
}

/** The message `prefix.name` where there is one, else the name as it came. */
export function word(prefix: string, name: string): string {
  const key = `${prefix}.${name}`
  return key in zh ? t(key as MessageKey) : name
}

/** The text in the chosen language of a pair the API sent. */
export function pick<T>(inChinese: T, inEnglish: T): T {
  return language.value === 'zh' ? inChinese : inEnglish
}
