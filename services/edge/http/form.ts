import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { HttpError } from './http-error.ts'
import { validate } from './validation.ts'

/** The hidden field of forms on pages of whoever has signed in (access/form-token.ts). */
export const formTokenField = 'form_token'

/** The hidden field of a form that is sent again: the key of the request that brought it first. */
export const formKeyField = 'form_key'

/** A form that was sent, for a page that offers to send it again. */
export type SentForm = {
  action: string
  fields: readonly (readonly [name: string, value: string])[]
  /** The page that it was on. */
  page: string
}

/** Forms are typed by people. */
const maxFormBytes = 64 * 1024

type FormRequest = { headers: IncomingHttpHeaders; readBody(): Promise<Buffer> }

/**
 * The fields of a form that a page has sent, the last value of each name, parsed by `schema`. Rejects with an HttpError:
 * 415 when the body is no form, 413 when it is too large, 422 with every mistake.
 */
export async function readForm<S extends z.ZodType>(
  schema: S,
  request: FormRequest,
  maxBytes = maxFormBytes,
): Promise<z.output<S>> {
  return validate(schema, Object.fromEntries(await readFields(request, maxBytes)), 'body')
}

/** All fields of a form as it was sent, in their order. Rejects as readForm. */
export async function readFields(
  { headers, readBody }: FormRequest,
  maxBytes = maxFormBytes,
): Promise<URLSearchParams> {
  const [type] = (headers['content-type'] ?? '').split(';')
  if (type?.trim().toLowerCase() !== formType)
    throw new HttpError(415, `The body is not a form. Send it as ${formType}.`)
  const body = await readBody()
  if (body.length > maxBytes) throw new HttpError(413, `The form is larger than ${maxBytes} bytes.`)
  return new URLSearchParams(body.toString())
}

/** The same for the same form, however often it is sent again. */
export async function readFormKey(request: FormRequest & { key: string }): Promise<string> {
  const fields = await readFields(request).catch(() => null)
  return z.uuid().safeParse(fields?.get(formKeyField)).data ?? request.key
}

const formType = 'application/x-www-form-urlencoded'
