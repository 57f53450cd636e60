import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { describeAudience, lineStates, type Part, toldStates } from './describe-audience.ts'
import { audienceSchema, isKnownNews, readAddressed, readAudience } from './read-audience.ts'

/** People that are listed where none is given. */
const mostPeople = 200

export const explainedSchema = z.object({
  ...audienceSchema.shape,
  told: z.enum(toldStates).describe('By any message.'),
  lines: z.array(z.object({ state: z.enum(lineStates), text: z.string() })).describe('Why, and why not.'),
})

/** What became of a news item for a person, in words. */
export type Explained = z.output<typeof explainedSchema>

/**
 * Whether people heard of a news item, and why not: `person`, or everybody who followed the company then. Null: there is
 * no such news item.
 */
export async function explainAudience(
  database: Database,
  news: string,
  person: number | undefined,
  now: number,
): Promise<Explained[] | null> {
  const people = person === undefined ? await readAddressed(database, news, mostPeople) : [person]
  const audiences = await Promise.all(people.map((id) => readAudience(database, news, id)))
  const found = audiences.filter((one) => one !== null)
  if (found.length === 0 && !(await isKnownNews(database, news))) return null
  return found.map((audience) => {
    const { told, lines } = describeAudience(audience, now)
    const said = lines.map(({ state, parts }) => ({ state, text: parts.map(textOf).join('') }))
    return { ...audience, ways: [...audience.ways], told, lines: said }
  })
}

function textOf(part: Part): string {
  if (typeof part === 'string') return part
  return 'at' in part ? formatShortTime(Date.parse(part.at)) : `news item ${part.news}`
}
