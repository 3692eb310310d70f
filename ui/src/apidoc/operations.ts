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
  properties?: Record<string, Schema>
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
export interface Operation {
  id: string
  method: string
  path: string
  tag: string
  summary: string
  description: string
  parameters: Parameter[]
  requestType: string
  requestExample: string | null
  status: string
  responseExample: string | null
}

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

/** Operations under their tags, in the order in which the tags first come. */
export function byTag(list: readonly Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>()
  for (const one of list) groups.set(one.tag, [...(groups.get(one.tag) ?? []), one])
  return groups
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
    summary: raw.summary ?? '',
    description: raw.description ?? '',
    parameters: [...shared, ...(raw.parameters ?? [])].map((one) => parameter(document, one)),
    requestType,
    requestExample: text(document, request),
    status,
    responseExample: text(document, answer),
  }
}

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

/** A command line that does the same; quoted for a POSIX shell. */
export function curl(operation: Operation, url: string): string {
  const quoted = (part: string): string => `'${part.replaceAll("'", "'\\''")}'`
  const parts = ['curl', '--cookie', 'fengsui_session=…']
  if (operation.method !== 'GET') parts.push('-X', operation.method, '-H', quoted(`Origin: ${new URL(url).origin}`))
  if (operation.requestType) parts.push('-H', quoted(`Content-Type: ${operation.requestType}`))
  if (operation.requestType === 'application/json' && operation.requestExample !== null) {
    parts.push('--data', quoted(JSON.stringify(JSON.parse(operation.requestExample))))
  } else if (operation.requestType) {
    parts.push('--data-binary', '@FILE')
  }
  parts.push(quoted(url))
  return parts.join(' ')
}
