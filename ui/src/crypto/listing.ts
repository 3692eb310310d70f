// A list the page reads: its items, whether more follow, and why it could not be read.

import { ref, shallowRef } from 'vue'

import type { ApiError } from '../api/client'
import { asApiError } from '../state/alerts'
import type { Listed } from './api'

export function listing<T>(read: (cursor?: string) => Promise<Listed<T>>) {
  const items = shallowRef<T[]>([])
  const problem = shallowRef<ApiError | null>(null)
  const loaded = ref(false)
  const next = ref<string | null>(null)
  let generation = 0

  async function take(before: readonly T[], cursor?: string): Promise<void> {
    const mine = ++generation
    try {
      const page = await read(cursor)
      if (mine !== generation) return
      items.value = [...before, ...page.items]
      next.value = page.next_cursor ?? null
      problem.value = null
      loaded.value = true
    } catch (error) {
      if (mine === generation) problem.value = asApiError(error)
    }
  }

  return { items, problem, loaded, next, load: () => take([]), more: () => take(items.value, next.value ?? undefined) }
}
