// The words of the API reference; the console needs none of them.

import en from '../i18n/api/en.json'
import zh from '../i18n/api/zh.json'
import { wordsOf } from '../i18n/own'

export const { t: ta, word: worda } = wordsOf<keyof typeof zh>(zh, en)
