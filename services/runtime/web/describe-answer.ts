import { clean, cut } from '#runtime/text/shorten.ts'
import type { HttpAnswer } from './http-client.ts'

/** The status and the beginning of the body, for people. */
export function describeAnswer({ status, body }: HttpAnswer): string {
  return cut(clean(`answered ${status}: ${body.subarray(0, 1000).toString()}`).replace(/: ?$/, ''), 300)
}
