import { moduleUrl } from '#runtime/web/module-url.ts'
import type { Session } from '../access/sessions.ts'
import { messagePage } from '../design/layout.ts'
import type { RouteResponse } from '../http/response.ts'

export const path = '/console/sources'

/** Why the address of a module cannot be used; null: it can. */
export function addressProblem(endpoint: string): string | null {
  try {
    moduleUrl(endpoint, '')
    return null
  } catch (error) {
    return `The address cannot be used: ${(error as Error).message}.`
  }
}

export function gone(viewer: Session): RouteResponse {
  return messagePage(404, 'Source not found', 'It was deleted, or never existed. Nothing was changed.', {
    viewer,
    next: { text: 'Go to the sources', href: path },
  })
}
