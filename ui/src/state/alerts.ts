// The alert list: filters, windows of rows, what is new and waits, what is selected.

import { computed, reactive, ref, shallowRef } from 'vue'

import { api, ApiError } from '../api/client'
import type { AlertRow, AlertSummary, VerdictFilter } from '../api/types'
import { SEVERITIES } from './severity'
import { merged, neighbour, passes, updated, type QuickFilter } from './queue'
import { term } from '../filter'

/** One window of rows; the list asks for the next when its end comes near. */
const WINDOW_ROWS = 200
/** New alerts are counted up to here while someone reads; past it the list is read anew. */
const WAITING_MAX = 500
/** Counts follow the stream, but not faster than people read them. */
const SUMMARY_EVERY_MS = 1_000

export const rows = shallowRef<AlertRow[]>([])
export const waiting = shallowRef<AlertRow[]>([])
export const total = ref(0)
export const summary = shallowRef<AlertSummary | null>(null)
export const loading = ref(false)
export const loaded = ref(false)
export const problem = shallowRef<ApiError | null>(null)
export const selected = ref<string | null>(null)
/** True while the first row is in view; the list itself tells. */
export const atTop = ref(true)
export const quick = reactive<QuickFilter>({ verdict: 'open', severity: null, rule: '', hidden: false })
export const text = ref('')
export const filtered = computed(() => quick.severity !== null || quick.rule !== '' || text.value !== '')

/** What the stream brought last; the opened alert looks here for its own revisions. */
export const received = shallowRef<readonly AlertRow[]>([])

let cursor: string | null = null
/** What the rows on show were asked by. */
let shownFor = ''
let generation = 0

/** The filter as the API reads it. */
export function query(): { filter: string; verdict: VerdictFilter; hidden: string } {
  const terms = [
    quick.severity === null ? '' : term('severity', SEVERITIES[quick.severity] ?? ''),
    quick.rule === '' ? '' : term('rule.id', quick.rule),
    // Nobody need judge what was withdrawn: the counts leave it out, so does the list behind them.
    quick.verdict === 'open' ? '-alert.state:withdrawn' : '',
    text.value.trim(),
  ]
  return {
    filter: terms.filter((part) => part !== '').join(' '),
    verdict: quick.verdict,
    hidden: quick.hidden ? 'true' : '',
  }
}

/** Read the list from its top; what was there stays until the answer has come. */
export async function load(): Promise<void> {
  const mine = ++generation
  const asked = query()
  loading.value = true
  try {
    const page = await api.alerts({ ...asked, limit: WINDOW_ROWS })
    if (mine !== generation) return
    shownFor = JSON.stringify(asked)
    rows.value = merged(page.items)
    waiting.value = []
    cursor = page.next_cursor || null
    total.value = page.total
    problem.value = null
    loaded.value = true
  } catch (error) {
    if (mine !== generation) return
    problem.value = asApiError(error)
    // Rows of another filter must not stand under this one.
    if (shownFor !== JSON.stringify(asked)) {
      rows.value = []
      waiting.value = []
      total.value = 0
    }
  } finally {
    if (mine === generation) loading.value = false
  }
}

/** Read the next window, if there is one. */
export async function loadMore(): Promise<void> {
  if (loading.value || cursor === null) return
  const mine = generation
  loading.value = true
  try {
    const page = await api.alerts({ ...query(), cursor, limit: WINDOW_ROWS })
    if (mine !== generation) return
    rows.value = merged(rows.value, page.items)
    cursor = page.next_cursor || null
    total.value = page.total
  } catch (error) {
    if (mine === generation) problem.value = asApiError(error)
  } finally {
    if (mine === generation) loading.value = false
  }
}

/** Alerts from the stream: known ones change in place, new ones wait while someone reads. */
export function receive(incoming: readonly AlertRow[], reading: boolean): void {
  const fresh: AlertRow[] = []
  received.value = incoming
  for (const row of incoming) {
    const next = updated(rows.value, row)
    if (next) rows.value = next
    else if (passes(row, quick)) fresh.push(row)
  }
  refreshSummary()
  if (fresh.length === 0) return
  if (text.value.trim() !== '') checkWithServer(reading)
  else take(fresh, reading)
}

function take(fresh: readonly AlertRow[], reading: boolean): void {
  const known = new Set(rows.value.map((row) => row.id))
  const all = merged(waiting.value, fresh).filter((row) => !known.has(row.id))
  if (reading || !atTop.value) {
    waiting.value = all.slice(0, WAITING_MAX)
  } else {
    rows.value = merged(rows.value, all)
    total.value += all.length
    waiting.value = []
  }
}

let checking: ReturnType<typeof setTimeout> | undefined

/** With a text filter only the server knows what belongs: its newest rows are asked for. */
function checkWithServer(reading: boolean): void {
  if (checking !== undefined) return
  checking = setTimeout(async () => {
    checking = undefined
    const mine = generation
    try {
      const page = await api.alerts({ ...query(), limit: WINDOW_ROWS })
      if (mine === generation) take(page.items, reading)
    } catch {
      // The stream's own state tells that the server is away; the next alert asks again.
    }
  }, SUMMARY_EVERY_MS)
}

/** Show the alerts that waited. */
export function showWaiting(): void {
  if (waiting.value.length >= WAITING_MAX) {
    void load()
    return
  }
  total.value += waiting.value.length
  rows.value = merged(rows.value, waiting.value)
  waiting.value = []
}

/** After a gap in the stream: bring known rows up to date, let new ones wait as always. */
export async function catchUp(reading: boolean): Promise<void> {
  if (!reading && atTop.value) return load()
  try {
    const page = await api.alerts({ ...query(), limit: WINDOW_ROWS })
    receive(page.items, reading)
  } catch (error) {
    problem.value = asApiError(error)
  }
}

/** Move the selection; returns the id now selected. */
export function move(step: number): string | null {
  selected.value = neighbour(rows.value, selected.value, step)
  return selected.value
}

let summaryTimer: ReturnType<typeof setTimeout> | undefined

/** Read the counts, at most once a second. */
export function refreshSummary(): void {
  if (summaryTimer !== undefined) return
  summaryTimer = setTimeout(async () => {
    summaryTimer = undefined
    try {
      summary.value = await api.alertSummary()
    } catch {
      // The list tells its own trouble; old counts are better than none for a second.
    }
  }, summary.value === null ? 0 : SUMMARY_EVERY_MS)
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, 'ui.unexpected', String(error))
}
