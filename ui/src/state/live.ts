// The one live stream of the page: alerts to those who listen, the pipeline's status for the header.

import { ref, shallowRef } from 'vue'

import { api } from '../api/client'
import { openStream, type StreamState } from '../api/stream'
import type { AlertRow, PipelineStatus } from '../api/types'

export const streamState = ref<StreamState>('connecting')
export const status = shallowRef<PipelineStatus | null>(null)

/** Alerts are handed on in groups: in a burst the page is drawn four times a second, not a thousand. */
const GROUP_MS = 250

/** Opens the stream; returns what closes it. */
export function listen(onAlerts: (rows: AlertRow[]) => void, onReset: () => void): () => void {
  let waiting: AlertRow[] = []
  const timer = setInterval(() => {
    if (waiting.length === 0) return
    const rows = waiting
    waiting = []
    onAlerts(rows)
  }, GROUP_MS)
  const close = openStream({
    alert: (row) => waiting.push(row),
    status: (value) => (status.value = value),
    reset: onReset,
    state: (value) => (streamState.value = value),
    // Asking who we are tells a session that is over from a server that is away.
    refused: () => void api.me().catch(() => undefined),
  })
  return () => {
    clearInterval(timer)
    close()
  }
}
