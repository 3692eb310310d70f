// Which drawer stands over the page, and what the page says aloud to screen readers.

import { ref } from 'vue'

export type Panel = 'sensors' | 'rules' | 'registers' | 'crypto' | 'help' | 'password' | null

export const panel = ref<Panel>(null)
export const said = ref('')

/** Say it in the polite live region. */
export function say(text: string): void {
  said.value = text
}
