// Theme and single-key shortcuts, as this person chose them.

import { ref } from 'vue'

import { stored, store } from './storage'

export type Theme = 'system' | 'light' | 'dark'

const known = stored('theme')
export const theme = ref<Theme>(known === 'light' || known === 'dark' ? known : 'system')
/** Single keys can be turned off (WCAG 2.1.4): speech input would set them off. */
export const keysOn = ref(stored('keys') !== 'off')

export function setTheme(chosen: Theme): void {
  theme.value = chosen
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  store('theme', chosen === 'system' ? null : chosen)
}

export function setKeys(on: boolean): void {
  keysOn.value = on
  store('keys', on ? null : 'off')
}
