// The words of this page; they come with it.

import en from '../i18n/crypto/en.json'
import zh from '../i18n/crypto/zh.json'
import { wordsOf } from '../i18n/own'

export type CryptoKey = keyof typeof zh
export const { t: tc, word: wordc } = wordsOf<CryptoKey>(zh, en)
