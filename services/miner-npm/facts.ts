import { z } from 'zod'
import { findReleases } from './releases.ts'

/**
 * What is used of a package, in the form of the cache and the recording. What the registry does not know is left out.
 */
export const factsSchema = z.object({
  name: z.string(),
  /** The version that the registry calls `latest`; always one of `published`. */
  latest: z.string(),
  description: z.string().optional(),
  license: z.string().optional(),
  homepage: z.string().optional(),
  keywords: z.array(z.string()).optional(),
  /** Names alone, without their e-mail addresses. */
  maintainers: z.array(z.string()).optional(),
  dependencies: z.number(),
  /** Bytes. */
  unpackedSize: z.number().optional(),
  deprecated: z.boolean(),
  /** Release → when it was published, newest first; see findReleases. */
  published: z.record(z.string(), z.string()),
})
export type Facts = z.output<typeof factsSchema>

/** npm prints a list of one item as that item. */
const list = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(z.unknown()).optional(),
)

const viewSchema = z.object({
  name: z.string(),
  version: z.string(),
  'dist-tags': z.object({ latest: z.string() }).optional(),
  versions: list,
  time: z.record(z.string(), z.string()),
  description: z.unknown().optional(),
  license: z.unknown().optional(),
  homepage: z.unknown().optional(),
  keywords: list,
  maintainers: list,
  dependencies: z.record(z.string(), z.unknown()).optional(),
  deprecated: z.unknown().optional(),
  dist: z.object({ unpackedSize: z.number().optional().catch(undefined) }).optional(),
})

/**
 * The facts in the output of `npm view NAME --json` (https://docs.npmjs.com/cli/commands/npm-view). Throws for any
 * other.
 */
export function readFacts(view: unknown): Facts {
  const from = viewSchema.parse(view)
  const latest = from['dist-tags']?.latest ?? from.version
  const published = findReleases(latest, texts(from.versions) ?? [], from.time)
  if (published[latest] === undefined)
    throw new Error(`the registry does not say when ${from.name} ${latest} was published`)
  return dropUndefined({
    name: from.name,
    latest,
    description: text(from.description),
    license: text(from.license) ?? text((from.license as { type?: unknown } | undefined)?.type),
    homepage: text(from.homepage),
    keywords: texts(from.keywords),
    maintainers: from.maintainers?.map(readPerson).filter((name) => name !== ''),
    dependencies: Object.keys(from.dependencies ?? {}).length,
    unpackedSize: from.dist?.unpackedSize,
    deprecated: Boolean(from.deprecated),
    published,
  })
}

/** `name <e-mail> (url)`, or an object with a name. */
function readPerson(person: unknown): string {
  const name = typeof person === 'string' ? person : (person as { name?: unknown } | null)?.name
  return (text(name) ?? '').replace(/\s*[<(].*$/s, '')
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function texts(values: unknown[] | undefined): string[] | undefined {
  return values?.filter((value) => typeof value === 'string')
}

function dropUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}
