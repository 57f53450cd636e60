import { inSteps } from '#runtime/calls/in-steps.ts'
import { handleSound } from '#runtime/consume/handle-sound.ts'
import { dead, drop, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { output } from '#runtime/kafka/output.ts'
import { isStorableTime, isUuid } from '#schemas/field-checks.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Store, Stored } from './store/store.ts'

/** Values that one transaction judges. What is kept of one of them until its end takes up to 5 KB. */
const valuesAtOnce = 10_000

/** Judges observations and sends what is stored for them: news items, and ops events of rules that cannot be applied. */
export function judgeObservations(store: Store): Handler<Observation> {
  return handleSound(findFault, async (batch) => {
    const traces = new Map(batch.map(({ value, headers }) => [value.event_id, headers['traceparent']]))
    const outcomes: Outcome[] = []
    const observations = batch.map(({ value }) => value)
    for (const some of inSteps(observations, valuesAtOnce, ({ values }) => values.length))
      outcomes.push(...(await store(some, traces)).map(outcomeOf))
    return outcomes
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
