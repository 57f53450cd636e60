import { expect, test } from 'vitest'
import type { HttpClient } from '#runtime/web/http-client.ts'
import { openModule } from './module-client.ts'

const { signal } = new AbortController()

function moduleThatAnswers(status: number, body: Buffer) {
  const http = { request: async () => ({ status, body, headers: {} }) } as unknown as HttpClient
  const options = {
    endpoint: 'http://module.example',
    token: 't',
    discoverTimeoutMs: 1000,
    maxAnswerBytes: 1000,
    signal,
  }
  return openModule(http, options)
}

const company = { company_id: 7, name: 'Café' }
const found = '{"identifiers":{"7":{"handles":["café"]}},"validity":null}'

test('the identifiers of a discovery keep their characters', async () => {
  expect(await moduleThatAnswers(200, Buffer.from(found)).discover(company)).toMatchObject({
    verdict: 'found',
    identifiers: [{ property: 'handles', value: 'café' }],
  })
})

test('a discovery whose answer is not UTF-8 has failed: its handles would be others', async () => {
  expect(await moduleThatAnswers(200, Buffer.from(found, 'latin1')).discover(company)).toEqual({
    verdict: 'failed',
    reason: 'the answer of /discover is not UTF-8: byte 0xe9 at offset 36',
  })
})

test('an error in any encoding names its status', async () => {
  const module = moduleThatAnswers(500, Buffer.from('Défaut', 'latin1'))
  expect(await module.discover(company)).toEqual({ verdict: 'failed', reason: '/discover answered 500: D�faut' })
})
