import type { Topic } from '#schemas/topics.ts'
import type { Step } from '../observe/steps.ts'
import type { Handler } from './outcome.ts'
import { createProcessor, type Processor, type ProcessorDeps } from './process-batch.ts'

/** A topic and what is done with its records, made by `on` or `onHeadersOf`. */
export type Subscription = { topic: Topic<unknown>; open(deps: ProcessorDeps): Processor }

/** `step`: what is done with a record when it is handled, for the time since its payload was received. */
export function on<T>(topic: Topic<T>, handle: Handler<T>, step?: Step): Subscription {
  return {
    topic,
    open: (deps) => createProcessor(topic, handle, ({ value }) => deps.codec.decode(topic, value), deps, step),
  }
}

/** For handlers that need no values, which are not decoded. */
export function onHeadersOf(topic: Topic<unknown>, handle: Handler<undefined>): Subscription {
  return { topic, open: (deps) => createProcessor(topic, handle, () => undefined, deps) }
}
