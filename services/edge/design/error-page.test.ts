import { expect, test } from 'vitest'
import { HttpError } from '../http/http-error.ts'
import { errorPage } from './error-page.ts'

const textOf = (error: HttpError, request: Parameters<typeof errorPage>[1]) =>
  String(errorPage(error, request).body)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

test('a missing right says why before what to do, and that nothing was changed where something was sent', () => {
  const refused = new HttpError(403, 'The desk is for operators.')
  const read = textOf(refused, { path: '/console/now' })
  expect(read).toContain(
    'You may not do this The desk is for operators. An administrator can give you the right to. Go',
  )
  expect(textOf(refused, { path: '/console/now', method: 'POST' })).toContain('Nothing was changed. The desk is for')
})

test('a form that met an error is there to be sent again, and what is no form is not', () => {
  const sent = { action: '/console/me/quiet', fields: [['from', '<20:00>']] as const, page: '/console/me' }
  const error = new HttpError(503, 'Away.', { 'retry-after': '5' })
  const { status, headers, body } = errorPage(error, { path: '/console/me/quiet', method: 'POST', sent })
  expect([status, headers['retry-after']]).toEqual([503, '5'])
  expect(String(body)).toContain('<input type="hidden" name="from" value="&lt;20:00&gt;">')
  expect(String(body)).toContain('<a href="/console/me">Go back without sending it</a>')
  expect(textOf(error, { path: '/console/me/quiet', method: 'POST' })).toContain('Send it again if it was not done.')
})

const markupOf = (error: HttpError, at: Partial<Parameters<typeof errorPage>[1]> = {}) =>
  String(errorPage(error, { path: '/console/keys', ...at }).body)
const mistake = { loc: ['body', 'zone'], msg: 'must be <b>a</b> time zone' }

test('a form that is refused says what is wrong with it, and leads back to its page', () => {
  const refused = markupOf(new HttpError(422, [mistake]), {
    ...{ method: 'POST', referer: 'https://parma.example/console/people/3?a=1' },
  })
  expect(refused).toContain('Nothing was changed. zone: must be &lt;b&gt;a&lt;/b&gt; time zone.')
  expect(refused).toContain('href="/console/people/3?a=1"')
  expect(markupOf(new HttpError(422, 'Give a name.'), { method: 'POST' })).toContain(
    'Nothing was changed. Give a name.',
  )
})

test.each(['https://elsewhere.example/', 'javascript:alert(1)', 'no address', undefined])(
  'another page than one of ours is not led back to: %s',
  (referer) => {
    expect(markupOf(new HttpError(422, ''), { method: 'POST', referer })).toContain('href="/console"')
  },
)

test('what is not found says what it knows, and no more', () => {
  expect(markupOf(new HttpError(404, 'Not Found'))).toContain('There is no such page, or you may not see it.')
  expect(markupOf(new HttpError(404, 'There is no such trial yet.'))).toContain('There is no such trial yet.')
})
