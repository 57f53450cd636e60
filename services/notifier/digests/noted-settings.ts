import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { splitSecrets } from '#runtime/web/split-secrets.ts'
import type { DigestSettings } from './settings.ts'

/** The settings that decide what is in a digest, when it is due and who gets it. */
const names = [
  'PUBLIC_URL',
  'LINK_SECRET',
  'LINK_DAYS',
  'STRICT_CHANNEL_PURPOSE',
  'WEEKLY_REPORT_CLOCK',
  'DIGEST_ZONE',
  'DIGEST_HOUR',
  'DIGEST_WEEKDAY',
  'DIGEST_ALL_QUIET',
  'WRITE_PUBLIC_REPORTS',
] as const satisfies (keyof DigestSettings)[]

const firestore = 'access to Firestore'

/** The settings as texts that may be stored: a secret as a hash, empty if not set. */
function readValues(config: DigestSettings): Map<string, string> {
  const values = names.map((name): [string, string] => {
    const value = config[name]
    if (value === undefined) return [name, '']
    return [name, name === 'LINK_SECRET' ? hashOf(splitSecrets(String(value))[0]!) : String(value)]
  })
  return new Map([...values, [firestore, config.firestore === null ? '' : 'yes']])
}

const hashOf = (secret: string) => createHash('sha256').update(`digests ${secret}`).digest('hex').slice(0, 16)

/** Notes what this notifier makes digests with. */
export async function noteDigestSettings(config: DigestSettings, database: Database): Promise<void> {
  await database.query(sql.unsafe`
    INSERT INTO notifier.digest_setting (name, value)
    SELECT * FROM ${sql.unnest([...readValues(config)], ['text', 'text'])}
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, noted_at = now()`)
}

const notedRow = z.object({ name: z.string(), value: z.string() })

/**
 * How digests made with these settings differ from those of the notifier that started last, each as a sentence. Where
 * none has started yet (`isNoted` is false): what digests need for their links and is not set.
 */
export async function compareDigestSettings(
  config: DigestSettings,
  database: Database,
): Promise<{ isNoted: boolean; differences: string[] }> {
  const noted = await database.any(sql.type(notedRow)`SELECT name, value FROM notifier.digest_setting`)
  const there = new Map(noted.map(({ name, value }) => [name, value]))
  const here = [...readValues(config)]
  const isNoted = noted.length > 0
  const lacks = here.filter(([name, value]) => value === '' && (name === 'PUBLIC_URL' || name === 'LINK_SECRET'))
  return {
    isNoted,
    differences: isNoted
      ? here.flatMap(([name, value]) => describeDifference(name, value, there.get(name)))
      : lacks.map(([name]) => `${name} is not set here: digests have no links.`),
  }
}

function describeDifference(name: string, here: string, there: string | undefined): string[] {
  if (there === undefined || here === there) return []
  const isSecret = name === 'LINK_SECRET'
  if (isSecret && here !== '' && there !== '') return [`${name} is another one than the notifier's.`]
  const shown = (value: string) => (value === '' ? 'not set' : isSecret ? 'set' : value)
  return [`${name} is ${shown(here)} here, and ${shown(there)} at the notifier.`]
}
