import { handleSound } from '#runtime/consume/handle-sound.ts'
import { dead, drop, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { output } from '#runtime/kafka/output.ts'
import { isStorableTime, isUuid } from '#schemas/field-checks.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Store, Stored } from './store/store.ts'

/** Judges observations and sends what is stored for them: news items, and ops events of rules that cannot be applied. */
export function judgeObservations(store: Store): Handler<Observation> {
  return handleSound(findFault, async (batch) => {
    const traces = new Map(batch.map(({ value, headers }) => [value.event_id, headers['traceparent']]))
    const stored = await store(
      batch.map(({ value }) => value),
      traces,
    )
    return stored.map(outcomeOf)
  })
}

function outcomeOf(stored: Stored): Outcome {
  if (stored.kind === 'conflict') return dead('conflict', 'the event id is known with another event_no')
  if (stored.kind === 'gone') return drop(`the ${stored.what} no longer exists`)
  return ok(
    ...stored.news.map((one) => output(topics.news, one.company_id, one.news_id, one, { group_id: one.group_id })),
  )
}

/** Why no row can hold this observation; null if one can. The normalizer makes none of these. */
function findFault({ event_id, company_id, observed_at, part, parts }: Observation): string | null {
  if (!isUuid(event_id)) return `event_id ${JSON.stringify(event_id)} is not a uuid`
  if (!/^\d{1,9}$|^[12]\d{9}$/.test(company_id) || Number(company_id) > 2 ** 31 - 1)
    return `company_id ${JSON.stringify(company_id)} is not an id`
  if (!isStorableTime(observed_at)) return `observed_at ${observed_at} is not a time in the years 1 to 9999`
  if (part < 1 || part > parts) return `part ${part} of ${parts} does not exist`
  return null
}
