import { type HttpAnswer, type HttpClient, HttpClientError, type HttpFailure } from '#runtime/web/http-client.ts'

/** How a call to the module ended. `location`: where a redirect leads. */
export type Watched = {
  answer: HttpAnswer | null
  failure: { reason: HttpFailure; message: string; location: string | null } | null
  seconds: number
}

/** A client that keeps how its last call ended, for whoever gets only what others made of it. */
export function watchClient(http: HttpClient): HttpClient & { last(): Watched } {
  let last: Watched = { answer: null, failure: null, seconds: 0 }
  return {
    last: () => last,
    async request(request) {
      const startedAt = performance.now()
      const end = (rest: Pick<Watched, 'answer' | 'failure'>) => {
        last = { ...rest, seconds: (performance.now() - startedAt) / 1000 }
      }
      try {
        const answer = await http.request(request)
        end({ answer, failure: null })
        return answer
      } catch (error) {
        if (!(error instanceof HttpClientError)) throw error
        const { reason, message } = error
        // A redirect has done nothing yet, so it may be asked again for its address.
        const location = reason === 'redirect' ? await readLocation(http, request) : null
        end({ answer: null, failure: { reason, message, location } })
        throw error
      }
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  }
}

async function readLocation(http: HttpClient, request: Parameters<HttpClient['request']>[0]): Promise<string | null> {
  try {
    const { headers } = await http.request({ ...request, statusDecides: true })
    return typeof headers.location === 'string' ? headers.location : null
  } catch {
    return null
  }
}
