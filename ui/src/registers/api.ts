// Registers, the assets' list of work and grants: the shapes their API sends, and the calls of this page.

import { address, get, request } from '../api/client'
import type { Listed } from '../crypto/api'

export type Cell = string | number | boolean | string[]
export type Cells = Readonly<Record<string, Cell>>

export interface Column {
  name: string
  type: string
  title_zh: string
  title_en: string
  required: boolean
  person: boolean
}

export interface Version {
  number: number
  state: 'proposed' | 'approved' | 'replaced' | 'refused'
  digest: string
  effective_at: string | null
  added: number
  changed: number
  ended: number
  source: string
  reason: string
  proposed_by: string
  proposed_at: string
  approved_by: string | null
  refused_by: string | null
}

export interface Register {
  name: string
  title_zh: string
  title_en: string
  purpose_zh: string
  purpose_en: string
  key: string[]
  columns: Column[]
  imported: boolean
  rows: number
  versions: Version[]
}

export interface Row {
  key: string[]
  fields: Cells
  valid_from: string | null
  valid_to: string | null
  version: number
}

export interface Change {
  kind: 'added' | 'changed' | 'ended'
  key: string[]
  before: Cells
  after: Cells
}

export interface Fault {
  code: string
  line: number
  column: string
  detail: string
}

export interface Preview {
  faults: Fault[]
  added: number
  changed: number
  ended: number
  changes: Change[]
  left_out: number
  replaces: Version | null
}

export interface Proposal {
  version: Version
  changes: Change[]
  left_out: number
}

export type Finding = 'unknown' | 'vanished' | 'orphan' | 'newly_exposed'

export interface Work {
  finding: Finding
  asset: string
  first_at: string | null
  last_at: string | null
  ports: string[]
  proposed_in: number | null
}

export interface WorkList extends Listed<Work> {
  total: number
  counts: Partial<Record<Finding, number>>
}

export interface Dismissal {
  asset: string
  finding: Finding
  ports: string[]
  reason: string
  dismissed_by: string
  dismissed_at: string
}

export interface Grant {
  id: string
  requester: string
  service: string
  purpose: string
  fields: string[]
  quota_per_day: number
  until: string
  owner_unit: string
  state: 'asked' | 'approved' | 'refused' | 'revoked' | 'expired'
  holds_until: string | null
  asked_by: string
  asked_at: string
  decided_by: string | null
  decided_at: string | null
  certified_by: string | null
  certified_at: string | null
  revoked_by: string | null
  revoked_at: string | null
  register_version: number | null
}

export type Mode = 'closed' | 'open'

export interface GrantList extends Listed<Grant> {
  on_failure: Mode
}

export interface Verdict {
  allowed: boolean
  reason: string
  failed: boolean
  mode: Mode
  grant: string | null
  fields: string[]
  refused_fields: string[]
  quota_left: number | null
  valid_to: string | null
  register_version: number | null
}

export interface Upload {
  register: string
  file: string
  only_these: string
  reason?: string
}

/** The server reads no more at once; what is larger goes by command line. */
export const UPLOAD_BYTES_MAX = 16 * 1024 * 1024
/** Entries of one answer of the list of work. */
export const WORK_MAX = 500

const name = encodeURIComponent
const post = <T>(path: string, body?: unknown): Promise<T> => request<T>('POST', address(path), body)
const file = <T>(word: string, query: Upload, data: Blob): Promise<T> =>
  request<T>('POST', address(`v1/registers:${word}`, { ...query }), data)

export const registersApi = {
  all: () => get<Listed<Register>>('v1/registers'),
  rows: (register: string, text: string, cursor?: string) =>
    get<Listed<Row>>(`v1/registers/${name(register)}/rows`, { text, cursor }),
  versions: (register: string) => get<Listed<Version>>(`v1/registers/${name(register)}/versions`),
  difference: (register: string, number: number) =>
    get<Proposal>(`v1/registers/${name(register)}/versions/${number}/difference`),
  decide: (register: string, number: number, word: 'approve' | 'refuse') =>
    post<Version>(`v1/registers/${name(register)}/versions/${number}:${word}`),
  preview: (query: Upload, data: Blob) => file<Preview>('preview', query, data),
  propose: (query: Upload, data: Blob) => file<Proposal>('import', query, data),
  exported: (register: string) => address(`v1/registers/${name(register)}:export`),
  work: (finding: Finding | null) => get<WorkList>('v1/assets/work', { finding, limit: WORK_MAX }),
  accept: (asset: string, finding: Finding, more: { unit: string; owner: string; reason: string }) =>
    post<Version>('v1/assets/work:accept', { asset, finding, ...more }),
  dismissed: () => get<Listed<Dismissal>>('v1/assets/dismissed'),
  dismiss: (asset: string, finding: Finding, reason: string) =>
    post<Dismissal>('v1/assets/work:dismiss', { asset, finding, reason }),
  restore: (asset: string, finding: Finding) => post<void>('v1/assets/work:restore', { asset, finding }),
  grants: (cursor?: string) => get<GrantList>('v1/grants', { cursor }),
  ask: (body: object) => post<Grant>('v1/grants', body),
  decideGrant: (id: string, word: string) => post<Grant>(`v1/grants/${name(id)}:${word}`),
  check: (body: object) => post<Verdict>('v1/grants:preview', body),
}
