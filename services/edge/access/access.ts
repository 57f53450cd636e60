import type { TokenSecrets } from '#runtime/web/token.ts'
import { LRUCache } from 'lru-cache'
import { HttpError } from '../http/http-error.ts'
import type { Source, Sources } from './sources.ts'
import { type Caller, checkToken } from './token.ts'

const maxRemembered = 1000

/**
 * The caller by `Authorization` header. Valid tokens are cached until they expire: a module sends one for a whole
 * crawl.
 */
export function createTokenChecker(secrets: TokenSecrets): (header: string | undefined) => Promise<Caller> {
  const remembered = new LRUCache<string, Caller>({ max: maxRemembered })
  return async (header) => {
    const now = Date.now()
    const known = header && remembered.get(header)
    if (known && now < known.exp * 1000) return known
    if (known) remembered.delete(header)
    const caller = await checkToken(header, secrets, now)
    remembered.set(header as string, caller)
    return caller
  }
}

/** The source of the caller's token. Rejects with an HttpError if it does not exist. */
export async function sourceOf(caller: Caller, sources: Sources): Promise<Source> {
  const source = await sources.find(caller.sourceId)
  if (!source) throw new HttpError(403, `Data source ${caller.sourceId} of the token does not exist.`)
  return source
}

/** A 403 that names the member of the request that does not belong to the caller. */
export function notOwned(member: string, value: string | number, caller: Caller): HttpError {
  return new HttpError(
    403,
    `${member} ${String(value).slice(0, 100)} does not belong to data source ${caller.sourceId} of the token.`,
    {},
    { remedy: `Send a token of the data source to which ${member} belongs.` },
  )
}
