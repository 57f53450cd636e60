import { dead, type Delivery, type Handler, type Outcome } from './outcome.ts'

/** Gives `handle` the records in whose values `findFault` finds nothing; the others become dead letters. */
export function handleSound<T>(findFault: (value: NoInfer<T>) => string | null, handle: Handler<T>): Handler<T> {
  return (batch) => {
    const judge = (delivery: Delivery<T>) => {
      const fault = findFault(delivery.value)
      return fault === null ? delivery : dead('invalid', fault)
    }
    return completeOutcomes(batch.map(judge), handle)
  }
}

/** One outcome for each of `known`, in order: its own, or what `handle` says of the records that have none yet. */
export async function completeOutcomes<T>(
  known: readonly (Delivery<T> | Outcome)[],
  handle: Handler<T>,
): Promise<Outcome[]> {
  const open = known.filter((one): one is Delivery<T> => !isOutcome(one))
  const handled = (open.length > 0 ? await handle(open) : []).values()
  return known.map((one) => (isOutcome(one) ? one : (handled.next().value as Outcome)))
}

function isOutcome<T>(one: Delivery<T> | Outcome): one is Outcome {
  return 'kind' in one
}
