// The shapes the API sends, as its OpenAPI document describes them.

export type Language = 'zh' | 'en'
export type Verdict = 'true_positive' | 'benign' | 'false_positive' | 'duplicate' | 'accepted'
export type AlertState = 'provisional' | 'final' | 'withdrawn'
export type VerdictFilter = 'open' | 'done' | 'all'
export type FieldValue = string | number | boolean | readonly string[]
export type Fields = Readonly<Record<string, FieldValue>>

export interface Me {
  id: string
  name: string
  display_name: string
  roles: string[]
  permissions: string[]
  scope: { units: string[] }
  must_set_password: boolean
}

export interface SourceInfo {
  name: string
  kind: string
  path: string
  readable: boolean
}

export interface Site {
  name: string
  realm: 'duty' | 'demonstration'
  version: string
  sibling: { href: string; name_zh: string; name_en: string } | null
  sources: SourceInfo[]
  cipher: { backend: 'native' | 'libcrypto' | 'python'; module: string }
  rules: { count: number; digest: string }
}

export interface Acknowledgement {
  by: string
  at: string
  verdict: Verdict
  note: string
}

/** The exception that hides an alert. */
export interface ExceptionMark {
  id: string
  reason: string
  owner: string
  expires_at: string
}

export interface AlertRow {
  id: string
  seq: number
  rule: {
    id: string
    version: string | number
    kind: string
    system: string
    title_zh: string
    title_en: string
  }
  entity_field: string
  entity: string
  severity: number
  score: number | null
  state: AlertState
  decided_at: string
  last_at: string
  count: number
  acknowledged: Acknowledgement | null
  exception: ExceptionMark | null
}

export interface Condition {
  name: string
  value: number
  threshold: number
  comparison: 'gte' | 'gt' | 'lte' | 'lt' | 'eq'
  name_zh: string
}

export interface HistoryEntry {
  at: string
  state: string
  count: number
  by?: string | null
  verdict?: Verdict | null
  note?: string | null
}

export interface AlertDetail extends AlertRow {
  /** One sentence why; where the API sends none the page makes one from the conditions. */
  reason_zh?: string
  reason_en?: string
  conditions: Condition[]
  counterfactual_zh: string[]
  counterfactual_en: string[]
  triage_zh: string
  triage_en: string
  techniques: string[]
  false_positives: { zh: string; en: string }[]
  events: { id: string; fields: Fields | null }[]
  history: HistoryEntry[]
}

export interface AlertPage {
  items: AlertRow[]
  next_cursor: string | null
  total: number
}

export interface AlertSummary {
  open: number
  by_severity: number[]
  by_rule: { rule: string; title_zh: string; title_en: string; open: number }[]
  hidden: number
}

/** Which alerts an exception hides; reason and owner only where it is created. */
export interface ExceptionDraft {
  rule: string
  entity: string
  expires_at: string
  reason?: string
  owner?: string
}

export interface ExceptionPreview {
  since: string
  count: number
  judged_true: number
  by_rule: { rule: string; title_zh: string; title_en: string; count: number }[]
  items: AlertRow[]
}

/** What came too late to be judged at first, and who is not heard at present. */
export interface Missed {
  items: {
    rule: string
    entity: string
    sensor: string
    first_at: string
    last_at: string
    events: number
    noted_at: string
    looked_at: string | null
    revised: number
  }[]
  silent: { sensor: string; since: string | null; rules: string[] }[]
}

export interface EventHit {
  id: string
  sensor: string
  number: number
  index: number
  fields: Fields
}

export interface EventPage {
  items: EventHit[]
  next_cursor: string | null
}

export interface Bucket {
  key: string | number
  count: number
}

export interface ProofStep {
  name: string
  ok: boolean
  zh: string
  en: string
}

export interface Proof {
  event_id: string
  sensor: string
  enrolment: number
  batch: number
  segment: string
  index: number
  count: number
  leaf: string
  path: string[]
  root: string
  header: string
  header_hash: string
  signature: string
  key_id: string
  public_key: string
  receipt: unknown
  steps: ProofStep[]
  means_zh: string
  means_en: string
}

export interface Sensor {
  name: string
  unit: string
  realm: string
  status: 'active' | 'revoked' | 'silent' | 'unenrolled' | 'finished'
  enrolment: number
  key_id: string
  last_batch: number
  last_event_at: string | null
  last_seen_at: string | null
  lag_seconds: number | null
  events: number
  quarantined: number
  gaps: { from: string; to: string; reason: string }[]
}

/** What was judged and what was not: of a sensor, or of a rule where `rule` is named. */
export interface CoverageCounts {
  sensor: string
  rule: string
  events: number
  late: number
  too_late: number
  unkeyed: number
  evicted: number
  lag_max_seconds: number
}

export interface Coverage {
  start: string
  items: (CoverageCounts & { minute: string; dataset: string })[]
  next_cursor: string | null
  totals: CoverageCounts[]
}

export interface Rule {
  id: string
  version: string | number
  severity: number
  system: string
  kind: string
  techniques: string[]
  text: { title_zh: string; title_en: string; triage_zh?: string; triage_en?: string }
  use_case: RuleUseCase | null
  hindrances: RuleHindrance[]
}

/** The case of misuse a rule finds, and whose record shows it. */
export interface RuleUseCase {
  id: string
  seen_in: string[]
  owasp: string[]
  limits: { zh: string; en: string } | null
}

/** Why a rule does not judge now, or not wholly. */
export interface RuleHindrance {
  code: 'no_source' | 'no_register' | 'no_geo' | 'warming_up'
  names: string[]
  until: string | null
}

/** What stands still or lags at the site, in words. */
export interface Trouble {
  code: string
  failing: boolean
  title_zh: string
  title_en: string
}

export interface SensorPage {
  items: Sensor[]
  troubles: Trouble[]
}

/** How long each class is kept, and what is oldest of each source. */
export interface Retention {
  classes: { name: string; title_zh: string; title_en: string; required_from: string }[]
  sources: {
    sensor: string
    retention: string
    oldest_event_at: string | null
    expired_to: string | null
    verdict: string
  }[]
}

export interface PipelineStatus {
  events: number
  events_per_second: number
  lag_seconds: number
  sensors: number
  quarantined: number
  watermark: string | null
  exceptions_changed_at: string | null
  troubles: Trouble[]
}
