// The national-crypto service: the shapes its API sends, and the calls of this page.

import { address, get, request } from '../api/client'

export interface Status {
  backend: string
  library: string
  module: string
  vectors: string[]
  workers: number
  restarts: number
  waiting: number
  failures: string[]
  device: { issuer: string; name: string; serial: string; failure: string | null } | null
}

export interface Approval {
  id: string
  kind: string
  key: string
  asked_by: string
  asked_at: string
  expires_at: string
  params: Readonly<Record<string, string>>
  state: string
  decided_by: string | null
  failure: string | null
}

export interface Credential {
  id: string
  kind: string
  expires_at: string | null
  living: boolean
}

export interface Grant {
  key: string
  operations: string[]
}

export interface Application {
  id: string
  name: string
  unit: string
  disabled_at: string | null
  quota: { per_second: number; per_day: number; opens_per_minute: number }
  credentials: Credential[]
  grants: Grant[]
}

export interface Key {
  key: string
  use: string
  state: string
  place: string
  module: string
  sign_e: boolean
  decrypt: boolean
  export: boolean
  expires_at: string | null
  destroy_at: string | null
  destroyed_at: string | null
  versions: { version: number; created_at: string; key_id: string | null }[]
}

export interface Certificate {
  serial: string
  fingerprint: string
  subject: string
  issuer: string
  owner: string
  key: string | null
  version: number | null
  profile: string
  not_after: string
  revoked_at: string | null
  reason: string | null
  renewed_by: string | null
}

export interface Listed<T> {
  items: T[]
  next_cursor?: string | null | undefined
}

const ROOT = 'v1/crypto'
const decide = (id: string, word: string): Promise<Approval> =>
  request<Approval>('POST', address(`${ROOT}/approvals/${encodeURIComponent(id)}:${word}`))

export const cryptoApi = {
  status: () => get<Status>(`${ROOT}/status`),
  approvals: (state: 'waiting' | 'approved', cursor?: string) =>
    get<Listed<Approval>>(`${ROOT}/approvals`, { state, cursor }),
  approve: (id: string) => decide(id, 'approve'),
  refuse: (id: string) => decide(id, 'refuse'),
  applications: (cursor?: string) => get<Listed<Application>>(`${ROOT}/applications`, { cursor }),
  keys: () => get<Listed<Key>>(`${ROOT}/keys`),
  certificates: () => get<Listed<Certificate>>(`${ROOT}/certificates`),
}
