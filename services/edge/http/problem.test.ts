import { expect, test } from 'vitest'
import { HttpError } from './http-error.ts'
import { answersProblemJson, problem } from './problem.ts'

const read = (httpError: HttpError) => {
  const { status, headers, body } = problem(httpError, '/api/v1/x')
  return { status, headers, body: JSON.parse(String(body)) as Record<string, unknown> }
}

test.each([400, 401, 403, 404, 405, 422, 429, 500, 503])('an error with %i is a complete problem', (status) => {
  const answer = read(new HttpError(status, 'so it is', { 'x-one': 'two' }))
  expect(answer.status).toBe(status)
  expect(answer.headers).toEqual({ 'content-type': 'application/problem+json', 'x-one': 'two' })
  expect(answer.body).toEqual({
    type: expect.stringMatching(/^urn:parma:problem:[a-z-]+$/),
    title: expect.stringMatching(/\w/),
    status,
    detail: 'so it is',
    instance: '/api/v1/x',
    remedy: expect.stringMatching(/\.$/),
  })
})

test('an error may have its own type, title and remedy, and list mistakes', () => {
  const options = { type: 'unknown-event', title: 'No such event', remedy: 'Look again.' }
  expect(read(new HttpError(404, 'none', {}, options)).body).toMatchObject({
    ...options,
    type: 'urn:parma:problem:unknown-event',
  })
  expect(read(new HttpError(422, [{ type: 'missing' }])).body).toMatchObject({
    detail: 'The request is invalid.',
    errors: [{ type: 'missing' }],
  })
  expect(read(new HttpError(418, 'short and stout')).body).toMatchObject({ type: 'about:blank', title: "I'm a Teapot" })
})

test.each([
  ['/api/v1', true],
  ['/api/v1/', true],
  ['/api/v1/events/1', true],
  ['/api/v10', false],
  ['/', false],
  ['/schedule', false],
])('errors on %s are problems: %s', (path, is) => {
  expect(answersProblemJson(path)).toBe(is)
})
