import { describe, expect, it } from 'vitest'

import { byTag, curl, fill, operations, type Document } from '../src/apidoc/operations'

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
        requestBody: { content: { 'application/json': { example: { note: "it's a test" } } } },
        responses: { '200': {}, '404': {} },
      },
    },
    '/healthz': { get: { responses: { '200': { content: { 'text/plain': { example: 'ok' } } } } } },
  },
  components: { schemas: { Page: { properties: { items: { items: { $ref: '#/components/schemas/Page' } }, total: { type: 'integer' } } } } },
}
const [list, acknowledge, health] = operations(DOCUMENT)

describe('the API reference', () => {
  it('lists every operation under its tag', () => {
    expect([...byTag(operations(DOCUMENT)).entries()].map(([tag, found]) => [tag, found.length])).toEqual([['alerts', 2], ['', 1]])
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
  })
})
