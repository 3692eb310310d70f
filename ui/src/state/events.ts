// The event search: which range a named one means, and how wide a bar of the histogram is.

import type { Bucket } from '../api/types'

export const RANGES = { '15m': 900, '1h': 3_600, '24h': 86_400, '7d': 604_800 } as const
export type RangeName = keyof typeof RANGES

/** Bars the histogram draws at most: at 1366 pixels each is then still wide enough to click. */
const BARS_MAX = 120
/** Bar widths people think in, in seconds. */
const STEPS = [60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 604_800] as const
/** Widths the API counts by, in seconds; neighbours are joined here to what the eye needs. */
const COUNTED = [60, 3_600, 86_400] as const
/** Without a range the days are counted first: the API's most counts reach back over two years of them. */
export const DAY = 86_400
/** Counts the API gives at most. */
export const COUNTS_MAX = 1_000

export interface Span {
  start: string
  end: string
}

export function isRange(name: string): name is RangeName {
  return name in RANGES
}

/** Start and end (RFC 3339 UTC) of a named range that ends at `end` (milliseconds). */
export function spanOf(name: RangeName, end: number): Span {
  return { start: new Date(end - RANGES[name] * 1_000).toISOString(), end: new Date(end + 1).toISOString() }
}

/** The narrowest width, in seconds, by which the span can be counted at once. */
export function widthFor(span: Span): number {
  const seconds = (Date.parse(span.end) - Date.parse(span.start)) / 1_000
  return COUNTED.find((width) => seconds / width <= COUNTS_MAX) ?? COUNTED[COUNTED.length - 1] ?? DAY
}

export interface Bar {
  /** Beginning, milliseconds UTC. */
  at: number
  count: number
}

/** Seconds after which a bucket's key can only be microseconds (year 5138 in seconds). */
const SECONDS_MAX = 1e11

/** A bucket's beginning in milliseconds: the API sends times as text, or as numbers of seconds or microseconds. */
export function bucketStart(key: string | number): number {
  const value = typeof key === 'number' ? key : /^-?\d+$/.test(key) ? Number(key) : NaN
  if (Number.isNaN(value)) return Date.parse(String(key))
  return Math.abs(value) < SECONDS_MAX ? value * 1_000 : value / 1_000
}

/** Bars for the whole span in time order, empty ones included; neighbours are joined where they are too many. */
export function bars(items: readonly Bucket[], step: number): { bars: Bar[]; step: number } {
  const found = items
    .map((item) => ({ at: bucketStart(item.key), count: item.count }))
    .filter((bar) => !Number.isNaN(bar.at))
    .sort((a, b) => a.at - b.at)
  const first = found[0]
  const last = found[found.length - 1]
  if (!first || !last) return { bars: [], step }
  const wanted = (last.at - first.at) / 1_000 + step
  const wide = STEPS.find((size) => size >= step && wanted / size <= BARS_MAX) ?? step
  const base = Math.floor(first.at / (wide * 1_000)) * wide * 1_000
  const places = Math.min(BARS_MAX + 1, Math.floor((last.at - base) / (wide * 1_000)) + 1)
  const drawn: Bar[] = Array.from({ length: places }, (_, place) => ({ at: base + place * wide * 1_000, count: 0 }))
  for (const bar of found) {
    const place = drawn[Math.floor((bar.at - base) / (wide * 1_000))]
    if (place) place.count += bar.count
  }
  return { bars: drawn, step: wide }
}
