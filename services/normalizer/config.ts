import { z } from 'zod'
import { firestoreSettings, readFirestoreAccess, withFirestoreAccount } from '#runtime/firestore/settings.ts'
import { count, problemsOf, readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { secretsDir } from '#runtime/process/service-account.ts'
import { consumerSettings, pipelineSettings, postgresSettings, understandSettings } from '#runtime/process/settings.ts'

export const settings = {
  ...pipelineSettings,
  CONSUME_CONCURRENCY: count(3).meta(consumerSettings.CONSUME_CONCURRENCY.meta() ?? {}),
  ...postgresSettings,
  ...understandSettings,
  ...firestoreSettings,
  // Below the deadline of a handler (120 s), or waiting would count as being stuck.
  MAP_WAIT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(90_000)
    .default(30_000)
    .describe('Time a payload waits for the map version it names. Then it is refused.'),
  CLOCK_TOLERANCE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(31_536_000_000)
    .default(60_000)
    .describe(
      'How much earlier than the last payload of its company and source a payload without observed_at may have been received and still be in order. Beyond it, it is late.',
    ),
  MAX_INCIDENTS_PER_DAY: count(100).describe(
    'Incidents of one source that are reported on one day (UTC): drift and faults of its map, and apart from them refused payloads.',
  ),
}

const { CLOCK_TOLERANCE_MS } = settings

/** What decides what becomes of a payload. */
export const trialSettings = { ...understandSettings, CLOCK_TOLERANCE_MS }

/** The settings, checked. `firestore`: where the raw documents are that replays read; null: nowhere. */
export const readConfig = (env: Env = process.env, secrets = secretsDir) => {
  const config = readEnv(settings, withFirestoreAccount(env, secrets), (some) =>
    problemsOf(() => readFirestoreAccess(some)),
  )
  return { ...config, firestore: readFirestoreAccess(config) }
}
export type Config = ReturnType<typeof readConfig>
