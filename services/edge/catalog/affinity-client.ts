import { z } from 'zod'
import { countJsonValues } from '#runtime/text/count-json-values.ts'
import { EncodingError, readText } from '#runtime/text/read-text.ts'
import { type HttpClient, HttpClientError } from '#runtime/web/http-client.ts'
import { CrmError, type ReadCrm } from './crm.ts'

export type AffinityOptions = {
  baseUrl: string
  apiKey: string
  /** The list whose entries are the companies. */
  listId: number
  /** Of all pages together. */
  timeoutMs: number
  /** Of one page. */
  maxBytes: number
  /** Aborts a read under way. */
  stopping: AbortSignal
}

/** The largest page that Affinity returns. */
const pageSize = 500
/** Far more than an answer of MAX_CRM_BYTES has. Counted before anything is parsed, because memory goes by values. */
const maxValues = 500_000
/** What Affinity calls a company; lists may also hold persons (0) and opportunities (8). */
const organization = 1

const entries = z.array(
  z.object({ entity_type: z.number().nullish(), entity: z.object({ name: z.string().nullish() }).nullish() }),
)
const page = z.union([
  z.object({ list_entries: entries, next_page_token: z.string().nullish() }),
  // Without pagination Affinity answers with the bare list.
  entries.transform((list_entries) => ({ list_entries, next_page_token: null })),
])
type Page = z.output<typeof page>

/**
 * Reads the companies of a list in Affinity, page by page, with version 1 of its API, which every plan includes.
 * https://api-docs.affinity.co/#get-all-list-entries
 */
export function createAffinityClient(http: HttpClient, options: AffinityOptions): ReadCrm {
  return async () => {
    const until = performance.now() + options.timeoutMs
    const names: string[] = []
    let token: string | null = null
    do {
      const { list_entries, next_page_token }: Page = await readPage(http, options, token, until - performance.now())
      for (const { entity_type, entity } of list_entries)
        if ((entity_type ?? organization) === organization && entity?.name) names.push(entity.name)
      if (next_page_token && next_page_token === token) throw new CrmError('Affinity returned the same page twice')
      token = next_page_token || null
    } while (token !== null)
    return names
  }
}

async function readPage(
  http: HttpClient,
  { baseUrl, apiKey, listId, maxBytes, stopping }: AffinityOptions,
  token: string | null,
  timeoutMs: number,
): Promise<Page> {
  const query = new URLSearchParams({ page_size: String(pageSize), ...(token !== null && { page_token: token }) })
  try {
    const { status, body } = await http.request({
      method: 'GET',
      url: `${baseUrl.replace(/\/+$/, '')}/lists/${listId}/list-entries?${query}`,
      headers: { authorization: `Basic ${btoa(`:${apiKey}`)}`, accept: 'application/json' },
      timeoutMs: Math.max(1, Math.round(timeoutMs)),
      maxBytes,
      signal: stopping,
    })
    if (status !== 200) throw new CrmError(`Affinity answered ${status}${hints[status] ?? ''}`)
    const values = countJsonValues(body)
    if (values > maxValues)
      throw new CrmError(`Affinity answered ${values} JSON values, and at most ${maxValues} are read`)
    return page.parse(JSON.parse(readText(body)))
  } catch (error) {
    if (error instanceof HttpClientError) throw new CrmError(`Affinity: ${error.message}`, { cause: error })
    if (error instanceof EncodingError) throw new CrmError(`The answer of Affinity is ${error.message}`)
    if (error instanceof SyntaxError || error instanceof z.ZodError)
      throw new CrmError('Affinity did not answer with the entries of a list', { cause: error })
    throw error
  }
}

const hints: Readonly<Record<number, string>> = {
  401: ': AFFINITY_API_KEY is invalid',
  403: ': the owner of AFFINITY_API_KEY cannot read the list',
  404: ': the list AFFINITY_LIST_ID does not exist',
  429: ': too many requests, try again later',
}
