import { drop, type Handler, ok } from '#runtime/outcome.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import type { Wake } from './clock.ts'

/** Wakes the clock. A round with nothing due changes nothing, so it does no harm how often and how late it is asked for. */
export function takeTriggers(wake: Wake): Handler<SourcingTrigger> {
  return async (batch) => {
    const outcomes = batch.map(({ value }) => (value.kind === 'schedule' ? ok() : drop('not for the scheduler')))
    if (outcomes.some(({ kind }) => kind === 'ok')) wake()
    return outcomes
  }
}
