// What the page says of approvals, applications, keys and certificates: pure, `now` in milliseconds.

import type { Approval, Application, Certificate, Credential, Grant, Key } from './api'

/** The platform's first alert about an end comes as long before. */
export const SOON_DAYS = 30
const DAY_MS = 86_400_000

export type Nearness = 'never' | 'far' | 'soon' | 'over'

/** How near an end is. */
export function nearness(at: string | null, now: number): Nearness {
  const end = at === null ? NaN : Date.parse(at)
  if (Number.isNaN(end)) return 'never'
  if (end <= now) return 'over'
  return end - now <= SOON_DAYS * DAY_MS ? 'soon' : 'far'
}

/** Living credentials, and which of them ends first. */
export function credentialsOf(credentials: readonly Credential[], now: number) {
  const living = credentials.filter((one) => one.living)
  const ends = living.flatMap((one) => one.expires_at ?? []).sort()
  return { living: living.length, soon: living.filter((one) => nearness(one.expires_at, now) !== 'far' && one.expires_at !== null).length, next: ends[0] ?? null }
}

/** What no application has unless somebody named it: signing unseen, and giving plaintext out. */
export const DANGEROUS: readonly string[] = ['sign_e', 'decrypt', 'envelope_open']

/** The dangerous operations an application was granted, each with the keys it holds for. */
export function dangersOf(grants: readonly Grant[]): { operation: string; keys: string[] }[] {
  return DANGEROUS.map((operation) => ({
    operation,
    keys: grants.filter((one) => one.operations.includes(operation)).map((one) => one.key),
  })).filter((one) => one.keys.length > 0)
}

/** Why this person cannot decide, as far as the page knows; the server decides. */
export function whyNot(approval: Approval, person: string, mayApprove: boolean): 'asker' | 'permission' | null {
  if (approval.asked_by === person) return 'asker'
  return mayApprove ? null : 'permission'
}

/** The application that asked, where no person did: no user's name holds a colon. */
export function applicationOf(asker: string): string | null {
  return asker.startsWith('application:') ? asker.slice('application:'.length) : null
}

/** The version that signs, encrypts and seals. */
export const latest = (key: Key): Key['versions'][number] | undefined => key.versions.at(-1)

/** Whether every word typed is in one of the texts. */
export function found(typed: string, texts: readonly (string | null)[]): boolean {
  const all = texts.join(' ').toLowerCase()
  return typed.toLowerCase().split(/\s+/).every((part) => all.includes(part))
}

export const applicationTexts = (one: Application): string[] => [one.id, one.name, one.unit]
export const keyTexts = (one: Key): (string | null)[] => [one.key, ...one.versions.map((version) => version.key_id)]
export const certificateTexts = (one: Certificate): (string | null)[] => [one.subject, one.key, one.owner, one.serial, one.fingerprint]

/** How a certificate stands; what was renewed and has ended needs nobody's care. */
export function standing(one: Certificate, now: number): 'revoked' | 'renewed' | Nearness {
  if (one.revoked_at !== null) return 'revoked'
  return one.renewed_by === null ? nearness(one.not_after, now) : 'renewed'
}
