// What the page says of registers, proposals and grants: pure, `now` in milliseconds.

import type { Cell, Cells, Column, Grant, Register, Version } from './api'

/** The platform's first alert about an end comes as long before. */
export const SOON_DAYS = 30
const DAY_MS = 86_400_000

/** The version that holds, and the one that waits, among the newest. */
export const holding = (one: Register): Version | undefined => one.versions.find((version) => version.state === 'approved')
export const waiting = (one: Register): Version | undefined => one.versions.find((version) => version.state === 'proposed')

/** Whose task something is: the person, what they may do, and whether they are in charge of a unit. */
export interface Person {
  name: string
  may: (permission: string) => boolean
  holds: (unit: string) => boolean
}

export type Hindrance = 'asker' | 'permission' | 'unit' | null

/** Why this person cannot approve a proposal, as far as the page knows; the server decides. */
export function whyNotApprove(version: Version, person: Person): Hindrance {
  if (version.proposed_by === person.name) return 'asker'
  return whyNotDecide('*', person)
}

/** Why this person decides nothing about what a unit owns. */
export function whyNotDecide(unit: string, person: Person): Hindrance {
  if (!person.may('registers.approve')) return 'permission'
  return person.holds(unit) ? null : 'unit'
}

export type Stage = 'asked' | 'late' | 'refused' | 'revoked' | 'expired' | 'lapsed' | 'certify' | 'expiring' | 'holds'

/** Where a grant stands in its life. */
export function stageOf(one: Grant, now: number): Stage {
  const until = Date.parse(one.until)
  if (one.state === 'asked') return now >= until ? 'late' : 'asked'
  if (one.state === 'refused' || one.state === 'revoked') return one.state
  const holds = Date.parse(one.holds_until ?? one.until)
  // Past its year and before its end somebody can still say that it is needed.
  if (now >= holds) return now >= until ? 'expired' : 'lapsed'
  if (holds - now > SOON_DAYS * DAY_MS) return 'holds'
  return holds < until ? 'certify' : 'expiring'
}

export type GrantAct = 'approve' | 'refuse' | 'certify' | 'revoke'

/** What can be done with a grant in its stage, whoever does it. */
export function actsOn(stage: Stage): GrantAct[] {
  if (stage === 'asked') return ['approve', 'refuse']
  if (stage === 'late') return ['refuse']
  if (stage === 'refused' || stage === 'revoked' || stage === 'expired') return []
  return ['certify', 'revoke']
}

/** Why this person cannot do it: who asked neither approves nor certifies, but may take it back. */
export function whyNotAct(one: Grant, act: GrantAct, person: Person): Hindrance {
  if (one.asked_by === person.name && (act === 'approve' || act === 'certify')) return 'asker'
  return whyNotDecide(one.owner_unit, person)
}

export interface Step {
  what: 'asked' | 'approved' | 'refused' | 'certified' | 'revoked'
  by: string
  at: string | null
}

/** Each step of a grant's life with who took it and when. */
export function stepsOf(one: Grant): Step[] {
  const steps: Step[] = [{ what: 'asked', by: one.asked_by, at: one.asked_at }]
  if (one.decided_by !== null) {
    steps.push({ what: one.state === 'refused' ? 'refused' : 'approved', by: one.decided_by, at: one.decided_at })
  }
  if (one.certified_by !== null && one.certified_at !== one.decided_at) {
    steps.push({ what: 'certified', by: one.certified_by, at: one.certified_at })
  }
  if (one.revoked_by !== null) steps.push({ what: 'revoked', by: one.revoked_by, at: one.revoked_at })
  return steps
}

/** The cells of a row by column: those of the key first, as the description lists them. */
export function ordered(columns: readonly Column[], key: readonly string[]): Column[] {
  const rank = (one: Column): number => (key.includes(one.name) ? key.indexOf(one.name) : key.length)
  return [...columns].sort((one, other) => rank(one) - rank(other))
}

export function cellOf(one: { key: readonly string[]; fields: Cells }, column: string, key: readonly string[]): Cell | undefined {
  const place = key.indexOf(column)
  return place < 0 ? one.fields[column] : one.key[place]
}

/** The columns whose cells two states of a row say differently. */
export function differing(before: Cells, after: Cells): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}

/** What was typed as a list: items between commas, semicolons, spaces or lines. */
export const itemsOf = (typed: string): string[] => [...new Set(typed.split(/[\s,，;；、]+/).filter(Boolean))]
