// Times, numbers and durations as people read them. Times are shown in Asia/Shanghai, which has had one offset since 1991.

import type { Language } from './api/types'

const SHANGHAI_MS = 8 * 3_600_000

function shanghai(iso: string): string | null {
  const at = Date.parse(iso)
  return Number.isNaN(at) ? null : new Date(at + SHANGHAI_MS).toISOString()
}

/** `11-20 16:00:05`, with the year where it is not `year`; the text itself if it is no time. */
export function localTime(iso: string | null, year = new Date().getUTCFullYear()): string {
  if (!iso) return '—'
  const text = shanghai(iso)
  if (text === null) return iso
  const start = text.startsWith(`${year}-`) ? 5 : 0
  return text.slice(start, 19).replace('T', ' ')
}

/** `2026-11-20T16:00` for an input of type datetime-local. */
export function localInput(iso: string): string {
  return shanghai(iso)?.slice(0, 16) ?? ''
}

/** RFC 3339 UTC of what was typed into an input of type datetime-local. */
export function fromLocalInput(text: string): string {
  const at = Date.parse(`${text}Z`)
  return Number.isNaN(at) ? '' : new Date(at - SHANGHAI_MS).toISOString()
}

/** `2026-11-20 08:00:05 UTC`. */
export function utcTime(iso: string | null): string {
  if (!iso) return ''
  const at = Date.parse(iso)
  return Number.isNaN(at) ? iso : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

export function number(value: number, language: Language): string {
  return new Intl.NumberFormat(language === 'zh' ? 'zh-CN' : 'en', { maximumFractionDigits: 1 }).format(value)
}

/** Whole seconds as at most two units: `2 分 5 秒`, `3 d 4 h`. */
export function duration(seconds: number | null, language: Language): string {
  if (seconds === null) return '—'
  const units = language === 'zh' ? ['天', '时', '分', '秒'] : ['d', 'h', 'min', 's']
  const sizes = [86_400, 3_600, 60, 1]
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  sizes.forEach((size, place) => {
    const amount = Math.floor(rest / size)
    rest -= amount * size
    if (amount > 0 && parts.length < 2) parts.push(`${amount} ${units[place]}`)
  })
  return parts.length === 0 ? `0 ${units[3]}` : parts.join(' ')
}
