// The live stream: says truly whether it is open, and starts anew where the browser itself gives up.

import { address } from './client'
import type { AlertRow, PipelineStatus } from './types'

export type StreamState = 'connecting' | 'open' | 'lost'

export interface StreamListener {
  alert(row: AlertRow): void
  status(status: PipelineStatus): void
  /** What was missed cannot be told any more: read the lists again. */
  reset(): void
  state(state: StreamState): void
  /** The server refused the stream; the session may be over. */
  refused(): void
}

const RETRY_MS = [1_000, 2_000, 5_000, 10_000] as const

/** Opens the stream and keeps it open until the returned function is called. */
export function openStream(listener: StreamListener): () => void {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempt = 0
  let everOpen = false
  let closed = false

  const connect = (): void => {
    if (closed) return
    listener.state(attempt === 0 ? 'connecting' : 'lost')
    // Hidden alerts come too: the list itself leaves them out, an opened one keeps up to date.
    source = new EventSource(address('v1/stream', { hidden: 'true' }))
    // A new EventSource cannot carry the last id, so what came between is read from the lists.
    let missed = everOpen
    source.onopen = () => {
      attempt = 0
      listener.state('open')
      if (missed) listener.reset()
      missed = false
      everOpen = true
    }
    source.addEventListener('alert', (event) => listener.alert(JSON.parse(event.data) as AlertRow))
    source.addEventListener('status', (event) =>
      listener.status(JSON.parse(event.data) as PipelineStatus),
    )
    source.addEventListener('reset', () => listener.reset())
    source.onerror = () => {
      listener.state('lost')
      // While CONNECTING the browser retries by itself and sends Last-Event-ID.
      if (source?.readyState === EventSource.CLOSED) retry()
    }
  }
  const retry = (): void => {
    source?.close()
    listener.refused()
    const delay = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]
    attempt += 1
    timer = setTimeout(connect, delay)
  }
  connect()
  return () => {
    closed = true
    clearTimeout(timer)
    source?.close()
  }
}
