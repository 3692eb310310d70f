// An OpenAPI document as a flat list of operations with their examples.

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  example?: Json
  examples?: Json[]
  default?: Json
  enum?: Json[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  description?: string
}
interface Media {
  schema?: Schema
  example?: Json
  examples?: Record<string, { value?: Json }>
}
type Content = Record<string, Media>
interface RawParameter {
  $ref?: string
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
  example?: Json
}
interface RawOperation {
  tags?: string[]
  summary?: string
  description?: string
  operationId?: string
  parameters?: RawParameter[]
  requestBody?: { content?: Content }
  responses?: Record<string, { description?: string; content?: Content }>
  security?: Record<string, string[]>[]
  'x-permission'?: string
  'x-scope'?: string
}
export interface Document {
  info?: { title?: string; version?: string; description?: string }
  paths?: Record<string, Record<string, RawOperation | RawParameter[]>>
  components?: { schemas?: Record<string, Schema>; parameters?: Record<string, RawParameter> }
}

export interface Parameter {
  name: string
  where: string
  type: string
  required: boolean
  description: string
  example: string
}
/** A body of one item, with what a batch of them may hold at most; 0 where there is no batch. */
export interface Body {
  fields: Field[]
  /** Of each group exactly one field is given. */
  either: string[][]
  batchMax: number
}
export interface Field {
  name: string
  type: string
  required: boolean
  description: string
  preset: string
}
export interface Refusal {
  status: string
  description: string
}
export interface Operation {
  id: string
  method: string
  path: string
  tag: string
  summary: string
  description: string
  parameters: Parameter[]
  /** Names of the security schemes, any one of which will do; none where nobody is asked. */
  credentials: string[]
  permission: string
  scope: string
  body: Body | null
  refusals: Refusal[]
  requestType: string
  requestExample: string | null
  status: string
  responseExample: string | null
}

/** Security schemes whose credential is a token in the header, with how it begins. */
const TOKENS: [string, string][] = [
  ['application', 'fsk1.payments.…'],
  ['client', '…'],
]
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
/** Deep enough for any answer of ours, and an end for a schema that holds itself. */
const DEPTH_MAX = 6

/** All operations in the document's order. */
export function operations(document: Document): Operation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) =>
      operation(document, path, method, item[method] as RawOperation, (item.parameters as RawParameter[]) ?? []),
    ),
  )
}

/** What people look at first, what sensors and systems send, then the national-crypto service. */
const TAGS = [
  'site', 'session', 'alerts', 'events', 'stream', 'sensors', 'users', 'audit', 'intake', 'registers', 'grants', 'gateways',
  'signing', 'keys', 'certificates', 'applications', 'approvals', 'signing status',
]

/** Operations under their tags: known tags in their order, others behind as they first come. */
export function byTag(list: readonly Operation[]): Map<string, Operation[]> {
  const place = (tag: string): number => (TAGS.includes(tag) ? TAGS.indexOf(tag) : TAGS.length)
  const groups = new Map<string, Operation[]>()
  for (const one of list) groups.set(one.tag, [...(groups.get(one.tag) ?? []), one])
  return new Map([...groups].sort(([a], [b]) => place(a) - place(b)))
}

function operation(document: Document, path: string, method: string, raw: RawOperation, shared: RawParameter[]): Operation {
  const [status = '', response] = Object.entries(raw.responses ?? {}).find(([code]) => code.startsWith('2')) ?? []
  const [requestType = '', request] = Object.entries(raw.requestBody?.content ?? {})[0] ?? []
  const [, answer] = Object.entries(response?.content ?? {})[0] ?? []
  return {
    id: raw.operationId ?? `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    tag: raw.tags?.[0] ?? '',
    ...told(raw),
    parameters: [...shared, ...(raw.parameters ?? [])].map((one) => parameter(document, one)),
    credentials: [...new Set((raw.security ?? []).flatMap((one) => Object.keys(one)))],
    permission: raw['x-permission'] ?? '',
    scope: raw['x-scope'] ?? '',
    body: request?.schema ? body(document, request.schema) : null,
    refusals: Object.entries(raw.responses ?? {}).flatMap(([code, one]) =>
      /^[45]/.test(code) ? [{ status: code, description: one.description ?? '' }] : [],
    ),
    requestType,
    requestExample: text(document, request),
    status,
    responseExample: text(document, answer),
  }
}

/** What an operation does. A summary that is but the name of a function says less than the text below it. */
function told(raw: RawOperation): { summary: string; description: string } {
  const { summary = '', description = '', operationId = '' } = raw
  const named = operationId.startsWith(`${summary.toLowerCase().replaceAll(' ', '_')}_`)
  if (!named || description === '') return { summary, description }
  const [first = '', ...rest] = description.split(/\n\n+/)
  return { summary: first.replaceAll('\n', ' '), description: rest.join('\n\n') }
}

function body(document: Document, raw: Schema): Body | null {
  const schema = resolved(document, raw)
  const choices = (schema.anyOf ?? schema.oneOf ?? []).map((one) => resolved(document, one))
  const item = schema.properties ? schema : choices[0]
  if (!item?.properties) return null
  const batch = schema.properties ? undefined : choices.find((one) => one !== item)?.properties?.items
  return {
    fields: Object.entries(item.properties).map(([name, part]) => {
      const found = resolved(document, part)
      return {
        name,
        type: typeName(document, found),
        required: item.required?.includes(name) ?? false,
        description: part.description ?? found.description ?? '',
        preset: part.default === undefined || part.default === null ? '' : JSON.stringify(part.default),
      }
    }),
    either: alternatives((item.oneOf ?? []).flatMap((one) => (one.required ? [one.required] : []))),
    batchMax: batch?.maxItems ?? 0,
  }
}

/** Out of sets of fields that go together, the groups of which exactly one is given each time. */
export function alternatives(sets: readonly string[][]): string[][] {
  const groups: string[][] = []
  for (const name of new Set(sets.flat())) {
    const together = new Set(sets.filter((one) => one.includes(name)).flat())
    const group = groups.find((members) => members.every((member) => !together.has(member)))
    if (group) group.push(name)
    else groups.push([name])
  }
  return groups
}

/** Text with what stands between backticks apart: every second part is code. */
export const parts = (words: string): string[] => words.split('`')

function parameter(document: Document, raw: RawParameter): Parameter {
  const found = raw.$ref ? (document.components?.parameters?.[lastPart(raw.$ref)] ?? raw) : raw
  const schema = resolved(document, found.schema ?? {})
  const example = found.example ?? schema.example ?? schema.examples?.[0] ?? schema.default ?? null
  return {
    name: found.name,
    where: found.in,
    type: typeName(document, schema),
    required: found.required ?? false,
    description: found.description ?? '',
    example: example === null ? '' : typeof example === 'object' ? JSON.stringify(example) : String(example),
  }
}

function typeName(document: Document, schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf
  if (schema.enum) return schema.enum.map(String).join(' | ')
  if (choices) return choices.map((one) => typeName(document, resolved(document, one))).join(' | ')
  if (schema.type === 'array' && schema.items) return `${typeName(document, resolved(document, schema.items)) || 'object'}[]`
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? '')
  return schema.format ? `${type} (${schema.format})` : type
}

const lastPart = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1)

function resolved(document: Document, schema: Schema): Schema {
  return schema.$ref ? (document.components?.schemas?.[lastPart(schema.$ref)] ?? {}) : schema
}

function text(document: Document, media: Media | undefined): string | null {
  if (!media) return null
  const named = Object.values(media.examples ?? {})[0]?.value
  const found = media.example ?? named ?? example(document, media.schema ?? {}, 0)
  if (found === undefined) return null
  return typeof found === 'string' ? found : JSON.stringify(found, null, 2)
}

/** An example made from a schema that gives none of its own. */
function example(document: Document, raw: Schema, depth: number): Json | undefined {
  const schema = resolved(document, raw)
  const given = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema.enum?.[0]
  if (given !== undefined || depth > DEPTH_MAX) return given
  const choice = (schema.anyOf ?? schema.oneOf ?? schema.allOf)?.[0]
  if (choice) return example(document, choice, depth + 1)
  if (schema.properties) {
    const entries = Object.entries(schema.properties)
    return Object.fromEntries(entries.map(([name, part]) => [name, example(document, part, depth + 1) ?? null]))
  }
  if (schema.items) return [example(document, schema.items, depth + 1) ?? null]
  return ({ string: '', integer: 0, number: 0, boolean: false } as Record<string, Json>)[String(schema.type)]
}

/** The operation's address with its parameters filled in. */
export function fill(operation: Operation, values: Readonly<Record<string, string>>): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] || `{${name}}`))
  const query = new URLSearchParams()
  for (const one of operation.parameters) {
    const value = values[one.name]
    if (one.where === 'query' && value) query.set(one.name, value)
  }
  const tail = query.toString()
  // Relative: the page and the API share one mount.
  return path.replace(/^\//, '') + (tail === '' ? '' : `?${tail}`)
}

/** A command line that does the same; quoted for a POSIX shell. A program shows its token, a person a session. */
export function curl(operation: Operation, url: string): string {
  const quoted = (part: string): string => `'${part.replaceAll("'", "'\\''")}'`
  const parts = ['curl']
  const token = TOKENS.find(([name]) => operation.credentials.includes(name))?.[1]
  if (token) parts.push('-H', quoted(`Authorization: Bearer ${token}`))
  else if (operation.credentials.length > 0) parts.push('--cookie', 'fengsui_session=…')
  if (operation.method !== 'GET') parts.push('-X', operation.method)
  // A browser says where a request comes from, and a session is believed from here only.
  if (operation.method !== 'GET' && !token) parts.push('-H', quoted(`Origin: ${new URL(url).origin}`))
  if (operation.requestType) parts.push('-H', quoted(`Content-Type: ${operation.requestType}`))
  if (operation.requestType === 'application/json' && operation.requestExample !== null) {
    parts.push('--data', quoted(JSON.stringify(JSON.parse(operation.requestExample))))
  } else if (operation.requestType) {
    parts.push('--data-binary', '@FILE')
  }
  parts.push(quoted(url))
  return parts.join(' ')
}
