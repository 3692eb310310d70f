// One way to the API: relative addresses, the session cookie, and problem+json turned into one error type.

import type {
  AlertDetail,
  AlertPage,
  AlertRow,
  AlertSummary,
  Bucket,
  Coverage,
  EventHit,
  EventPage,
  ExceptionDraft,
  ExceptionPreview,
  Me,
  Missed,
  Proof,
  Rule,
  Retention,
  SensorPage,
  Site,
  Verdict,
  VerdictFilter,
} from './types'

/** Long enough for a cold query on a loaded machine, short enough that a dead server is told. */
const TIMEOUT_MS = 30_000
/** A file is read row by row before it is answered. */
const UPLOAD_TIMEOUT_MS = 300_000

/** A refused or failed request. `code` is the API's, or `ui.unreachable` and `ui.malformed`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail || code)
    this.name = 'ApiError'
  }
}

/** Called when a request other than a login is answered 401: the session is over. */
let sessionEnded: () => void = () => {}
export function onSessionEnded(callback: () => void): void {
  sessionEnded = callback
}

type Query = Record<string, string | number | null | undefined>

/** An address below the page's own folder, so that the same page works under every mount. */
export function address(path: string, query: Query = {}, base: string = document.baseURI): string {
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value))
  }
  return url.toString()
}

async function problemOf(response: Response): Promise<ApiError> {
  let code = `http.${response.status}`
  let detail = ''
  try {
    const body = (await response.json()) as { code?: unknown; detail?: unknown; title?: unknown }
    if (typeof body.code === 'string') code = body.code
    detail = [body.title, body.detail].filter((part) => typeof part === 'string' && part !== '').join('：')
  } catch {
    // No problem document came: a proxy answered. The status says what there is to say.
  }
  return new ApiError(response.status, code, detail)
}

export async function request<T>(method: string, url: string, body?: unknown): Promise<T> {
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { Accept: 'application/json', 'Accept-Language': document.documentElement.lang },
    signal: AbortSignal.timeout(body instanceof Blob ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS),
  }
  if (body !== undefined) {
    const file = body instanceof Blob
    init.body = file ? body : JSON.stringify(body)
    init.headers = { ...init.headers, 'Content-Type': file ? 'application/octet-stream' : 'application/json' }
  }
  let response: Response
  try {
    response = await fetch(url, init)
  } catch {
    throw new ApiError(0, 'ui.unreachable', '')
  }
  if (!response.ok) {
    if (response.status === 401 && !url.includes('/v1/login')) sessionEnded()
    throw await problemOf(response)
  }
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    throw new ApiError(response.status, 'ui.malformed', '')
  }
}

export interface AlertQuery {
  filter?: string
  verdict?: VerdictFilter
  /** `true` for those an exception hides as well. */
  hidden?: string
  cursor?: string | null
  limit?: number
}

export interface EventQuery {
  filter?: string
  start?: string
  end?: string
  cursor?: string | null
  limit?: number
}

export const get = <T>(path: string, query: Query = {}): Promise<T> => request<T>('GET', address(path, query))

export const api = {
  site: () => get<Site>('v1/site'),
  me: () => get<Me>('v1/me'),
  exchangeLink: (token: string, base?: string) =>
    request<Me>('POST', address('v1/login/link', {}, base ?? document.baseURI), { token }),
  login: (name: string, password: string) =>
    request<Me>('POST', address('v1/login'), { name, password }),
  logout: () => request<void>('POST', address('v1/logout')),
  setPassword: (password: string, current: string) =>
    request<Me>('PUT', address('v1/me/password'), current === '' ? { password } : { password, current }),
  alerts: (query: AlertQuery) => get<AlertPage>('v1/alerts', { ...query }),
  alertSummary: () => get<AlertSummary>('v1/alerts/summary'),
  alert: (id: string) => get<AlertDetail>(`v1/alerts/${encodeURIComponent(id)}`),
  acknowledge: (id: string, verdict: Verdict, note: string) =>
    request<AlertRow>('POST', address(`v1/alerts/${encodeURIComponent(id)}/acknowledge`), { verdict, note }),
  previewException: (draft: ExceptionDraft) =>
    request<ExceptionPreview>('POST', address('v1/exceptions/preview'), draft),
  createException: (draft: ExceptionDraft) => request<unknown>('POST', address('v1/exceptions'), draft),
  revokeException: (id: string) =>
    request<unknown>('POST', address(`v1/exceptions/${encodeURIComponent(id)}/revoke`)),
  events: (query: EventQuery) => get<EventPage>('v1/events', { ...query }),
  eventCounts: (field: string, query: EventQuery) =>
    get<{ items: Bucket[] }>('v1/events/count', { field, ...query }),
  event: (id: string) => get<EventHit>(`v1/events/${encodeURIComponent(id)}`),
  proof: (id: string) => get<Proof>(`v1/events/${encodeURIComponent(id)}/proof`),
  coverage: (query: Query) => get<Coverage>('v1/coverage', query),
  missed: () => get<Missed>('v1/coverage/missed'),
  sensors: () => get<SensorPage>('v1/sensors'),
  retention: () => get<Retention>('v1/retention'),
  rules: () => get<{ items: Rule[] }>('v1/rules'),
}
