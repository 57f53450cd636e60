import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { maySeeBucket } from '../ask/may-read.ts'
import { search, type SearchResult } from '../ask/search.ts'
import type { Html } from '../design/html.ts'
import { text } from '../http/validation.ts'
import type { LinkSettings } from '#runtime/web/signed-links.ts'
import { openFeedAddresses } from '../atom/address.ts'
import { type DigestPlan, readDigestPlan } from '../audience/read-audience.ts'
import { type personDetail, readPerson } from '../changes/person.ts'

/** The parts of My page that have forms. */
const meParts = ['follow', 'mutes', 'quiet', 'digests', 'channels', 'feeds'] as const
export type MePart = (typeof meParts)[number]

export const meQuery = z.object({
  q: text(200).optional().describe('Part of the name of a company to follow.'),
  /** A change that was just asked for, whose outcome the page says. */
  change: z.uuid().optional(),
  part: z.enum(meParts).optional().describe('Where on the page that was asked for.'),
  done: z.enum(['feeds']).optional().describe('What was just done here.'),
})
export type MeQuery = z.output<typeof meQuery>

const bucketRow = z.object({ id: z.int(), name: z.string(), companies: z.int() })

/** What My page shows. */
export type MeView = {
  detail: z.output<typeof personDetail>
  /** Buckets that the person may see. */
  buckets: readonly z.output<typeof bucketRow>[]
  /** Companies whose name has the words that were searched for; null: none were. */
  found: SearchResult['companies'] | null
  /** When digests of all that they follow come; null: that is not known. */
  plan: DigestPlan | null
  /** What holds for whoever has set nothing, by the names of the notifier’s settings. */
  usual: ReadonlyMap<string, string>
  /** Addresses of Atom feeds, of all that they follow first; null: there are none here. */
  feeds: readonly { name: string; address: string }[] | null
}

/**
 * What My page is made of. `q`: the words that were searched for. `said`: what became of a form, where it stands on the
 * page; the top unless told.
 */
export type MeMain = {
  view: MeView
  q: string | undefined
  zone: string
  now: number
  said?: { text: Html | null; part: MePart | undefined }
}

/** What became of a form of this part of the page. */
export function saidIn({ said }: MeMain, part?: MePart): Html | null {
  return said && said.part === part ? said.text : null
}

/** Companies that a search shows. */
const mostFound = 12

/** Null: the person was deleted. */
export async function readMe(
  database: Database,
  viewer: Viewer,
  person: number,
  { q }: MeQuery,
  links: LinkSettings,
): Promise<MeView | null> {
  const [detail, buckets, result, plan, settings, addressOf] = await Promise.all([
    readPerson(database, person),
    database.any(sql.type(bucketRow)`
      SELECT b.id, b.title AS name,
        (SELECT count(*)::int FROM public.company_bucket_membership m WHERE m.bucket_id = b.id) AS companies
      FROM public.bucket b WHERE ${maySeeBucket(viewer, sql.fragment`b`)}
      ORDER BY lower(b.title), b.id LIMIT ${mostBuckets}`),
    q === undefined || q.trim() === '' ? null : search(database, viewer, { q: q.trim(), limit: mostFound }),
    readDigestPlan(database, person),
    database.any(sql.type(settingRow)`SELECT name, value FROM notifier.setting_view`),
    openFeedAddresses(links, database, person),
  ])
  if (detail === null) return null
  const usual = new Map(settings.map(({ name, value }) => [name, value]))
  return {
    detail,
    buckets,
    found: result?.companies ?? null,
    plan,
    usual,
    feeds: listFeeds(detail, buckets, addressOf),
  }
}

type AddressOf = Awaited<ReturnType<typeof openFeedAddresses>>

/** Of all that the person follows, of each bucket, and of each company that they follow. */
function listFeeds({ follows }: MeView['detail'], buckets: MeView['buckets'], addressOf: AddressOf): MeView['feeds'] {
  const all = addressOf('all')
  if (all === null) return null
  const companies = new Map(follows.flatMap(({ company_id: id, company }) => (id === null ? [] : [[id, company]])))
  const others = [
    ...buckets.map(({ id, name }) => ({ name, address: addressOf(`bucket-${id}`) })),
    ...[...companies].map(([id, name]) => ({ name: name ?? `company ${id}`, address: addressOf(`company-${id}`) })),
  ]
  return [
    { name: 'All that I follow', address: all },
    ...others.slice(0, mostFeeds).flatMap(({ name, address }) => (address === null ? [] : [{ name, address }])),
  ]
}

const settingRow = z.object({ name: z.string(), value: z.string() })
const mostFeeds = 200

const mostBuckets = 500
