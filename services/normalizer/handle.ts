import { TransientError } from '#runtime/calls/retry.ts'
import { handleSound } from '#runtime/consume/handle-sound.ts'
import { dead, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { output } from '#runtime/kafka/output.ts'
import { understand, versionOf } from '#runtime/understand/understand.ts'
import { isStorableTime, isUuid } from '#schemas/field-checks.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Config } from './config.ts'
import type { LedgerRow } from './ledger/ledger-rows.ts'
import type { Maps } from './loaded-maps.ts'
import { leaves, payloads } from './metrics.ts'
import { observe, partLimits } from './store/observe.ts'
import type { Store } from './store/store.ts'
import type { Written } from './store/written.ts'

/** Understands payloads, stores them, and sends what is stored: observations, and ops events of new incidents. */
export function normalizePayloads(config: Config, maps: Maps, store: Store): Handler<RawPayload> {
  async function work(payload: RawPayload) {
    const map = await maps.find(payload.data_source_id, versionOf(payload))
    return { payload, result: understand(payload, map, config) }
  }

  function outcomeOf(written: Written): Outcome {
    if (written === 'conflict') return dead('conflict', 'the event id is known with other content')
    const { stored } = written
    const { event_id, company_id } = stored.row
    return ok(
      ...observe(stored, namesFor(stored.row), partLimits).map((one) =>
        output(topics.observations, company_id, event_id, one),
      ),
    )
  }

  /** Measurement names by the map version that was used, not by the newest. */
  function namesFor({ data_source_id, map_version, reason }: LedgerRow): ReadonlyMap<number, string> {
    if (map_version === null || reason !== null) return new Map()
    const compiled = maps.get(data_source_id, map_version)?.compiled
    if (!compiled)
      throw new TransientError(`version ${map_version} of the map of data source ${data_source_id} is not loaded`)
    return compiled.names
  }

  return handleSound(findFault, async (batch) => {
    const written = await store(await Promise.all(batch.map(({ value }) => work(value))))
    count(written.flatMap((one) => (one !== 'conflict' && one.fresh ? [one.stored.row] : [])))
    return written.map(outcomeOf)
  })
}

/** Indexed texts are no longer than this. */
const maxNameLength = 500

/** Why no row can hold this payload; null if one can. The edge lets none of these through. */
function findFault({
  event_id,
  received_at,
  observed_at,
  source_name,
  company_id,
  content_hash,
  replay,
}: RawPayload): string | null {
  if (!isUuid(event_id)) return `event_id ${JSON.stringify(event_id)} is not a uuid`
  const wrong = [received_at, observed_at ?? received_at].find((ms) => !isStorableTime(ms))
  if (wrong !== undefined) return `${wrong} ms is not a time in the years 1 to 9999`
  const names = [source_name, company_id, content_hash, replay?.replay_id ?? '']
  if (names.some((name) => name.includes('\0') || name.length > maxNameLength))
    return `an id contains NUL or has more than ${maxNameLength} characters`
  if (replay?.replay_id === '') return 'the replay has no replay_id'
  return null
}

function count(rows: readonly LedgerRow[]): void {
  for (const [reason, those] of Map.groupBy(rows, (row) => row.reason ?? 'none')) payloads.inc({ reason }, those.length)
  const add = (outcome: string, of: (row: LedgerRow) => number) =>
    leaves.inc(
      { outcome },
      rows.reduce((sum, row) => sum + of(row), 0),
    )
  add('stored', ({ stored }) => stored)
  add('null', ({ nulls }) => nulls)
  add('unmapped', ({ unmapped }) => unmapped)
  add('refused', ({ refused }) => refused)
}
