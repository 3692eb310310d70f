import { describe, expect, it } from 'vitest'

import { alternatives, byTag, curl, fill, operations, parts, type Document } from '../src/apidoc/operations'

const DOCUMENT: Document = {
  paths: {
    '/v1/alerts': {
      get: {
        tags: ['alerts'],
        operationId: 'list',
        parameters: [{ name: 'filter', in: 'query', schema: { anyOf: [{ type: 'string' }, { type: 'null' }] }, example: 'severity:high' }],
        responses: { '200': { content: { 'application/json': { schema: { $ref: '#/components/schemas/Page' } } } } },
      },
    },
    '/v1/alerts/{id}/acknowledge': {
      post: {
        tags: ['alerts'],
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        security: [{ session: [] }],
        'x-permission': 'alerts.decide',
        requestBody: { content: { 'application/json': { example: { note: "it's a test" } } } },
        responses: { '200': {}, '404': {} },
      },
    },
    '/v1/crypto/sign': {
      post: {
        tags: ['signing'],
        operationId: 'crypto_sign',
        summary: 'Sign a message',
        description: 'One item, or many. Scope: `sign`.',
        security: [{ application: [] }, { signed_request: [] }],
        'x-scope': 'sign',
        requestBody: {
          content: {
            'application/json': {
              example: { key: 'receipt' },
              schema: {
                anyOf: [
                  { $ref: '#/components/schemas/SignItem' },
                  { properties: { items: { type: 'array', maxItems: 256, items: { $ref: '#/components/schemas/SignItem' } } } },
                ],
              },
            },
          },
        },
        responses: { '200': {}, '403': { description: 'No grant' }, default: { description: 'Any' } },
      },
    },
    '/v1/crypto/keys/{name}:export': {
      post: {
        tags: ['keys'],
        summary: 'Export',
        description: 'Ask for the key\nitself.\n\nA pair comes as EnvelopedKey.',
        operationId: 'export_v1_crypto_keys',
        security: [{ session: [] }, { application: [] }, { signed_request: [] }],
        responses: { '202': {} },
      },
    },
    '/healthz': { get: { responses: { '200': { content: { 'text/plain': { example: 'ok' } } } } } },
  },
  components: { schemas: { SignItem: { properties: { key: { type: 'string', description: 'Of the signer' }, message: { type: 'string' }, e: { type: 'string' }, form: { enum: ['der', 'raw'], default: 'der' } }, required: ['key'], oneOf: [{ required: ['message'] }, { required: ['e'] }] }, Page: { properties: { items: { items: { $ref: '#/components/schemas/Page' } }, total: { type: 'integer' } } } } },
}
const [list, acknowledge, sign, exported, health] = operations(DOCUMENT)

describe('the API reference', () => {
  it('lists every operation under its tag', () => {
    expect([...byTag(operations(DOCUMENT)).entries()].map(([tag, found]) => [tag, found.length])).toEqual([['alerts', 2], ['signing', 1], ['keys', 1], ['', 1]])
  })

  it('shows known tags in an order of its own, and unknown ones behind them', () => {
    const backwards = [...operations(DOCUMENT)].reverse().map((one) => (one.tag === 'alerts' ? { ...one, tag: 'brewing' } : one))
    expect([...byTag(backwards).keys()]).toEqual(['signing', 'keys', '', 'brewing'])
  })

  it('says of a body which fields it takes, of which exactly one, and how many items', () => {
    expect(sign?.body).toMatchObject({ either: [['message', 'e']], batchMax: 256 })
    expect(sign?.body?.fields[0]).toEqual({ name: 'key', type: 'string', required: true, description: 'Of the signer', preset: '' })
    expect(sign?.body?.fields[3]).toMatchObject({ type: 'der | raw', preset: '"der"' })
    expect(health?.body).toBeNull()
  })

  it('finds the groups of which exactly one field is given in each', () => {
    const sets = ['key', 'public_key', 'certificate'].flatMap((who) => ['message', 'e'].map((what) => [who, what]))
    expect(alternatives(sets)).toEqual([['key', 'public_key', 'certificate'], ['message', 'e']])
    expect(alternatives([])).toEqual([])
  })

  it('says who may call and when it is refused', () => {
    expect(sign).toMatchObject({ credentials: ['application', 'signed_request'], scope: 'sign', permission: '' })
    expect(sign?.refusals).toEqual([{ status: '403', description: 'No grant' }])
    expect(acknowledge).toMatchObject({ credentials: ['session'], permission: 'alerts.decide' })
  })

  it('is headed by what an operation does, not by the name of a function', () => {
    expect(exported).toMatchObject({ summary: 'Ask for the key itself.', description: 'A pair comes as EnvelopedKey.' })
    expect(sign).toMatchObject({ summary: 'Sign a message' })
    expect(parts('Scope: `sign`.')).toEqual(['Scope: ', 'sign', '.'])
  })

  it('shows the given example, or makes one, also of a schema that holds itself', () => {
    expect(health?.responseExample).toBe('ok')
    expect(acknowledge?.requestExample).toContain("it's a test")
    expect(list?.responseExample).toContain('"total": 0')
    expect(list?.parameters[0]).toMatchObject({ type: 'string | null', example: 'severity:high', required: false })
  })

  it('fills in addresses relative to the page', () => {
    expect(acknowledge && fill(acknowledge, { id: 'a/b' })).toBe('v1/alerts/a%2Fb/acknowledge')
    expect(list && fill(list, { filter: 'a:b c' })).toBe('v1/alerts?filter=a%3Ab+c')
  })

  it('writes a command line that a shell reads as meant', () => {
    const line = acknowledge ? curl(acknowledge, 'https://site.example/demo/v1/alerts/1/acknowledge') : ''
    expect(line).toContain("-H 'Origin: https://site.example'")
    expect(line).toContain(`'{"note":"it'\\''s a test"}'`)
    expect(line).toContain('--cookie')
  })

  it('shows a program its token and no cookie, and nobody a credential that is not asked for', () => {
    const line = sign ? curl(sign, 'https://site.example/v1/crypto/sign') : ''
    expect(line).toContain("-H 'Authorization: Bearer fsk1.payments.…'")
    expect(line).not.toMatch(/cookie|Origin/)
    expect(health ? curl(health, 'https://site.example/healthz') : '').toBe("curl 'https://site.example/healthz'")
  })
})
