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
