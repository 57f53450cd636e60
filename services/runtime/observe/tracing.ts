import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api'
import { contextOf, nextSpan, writeTraceparent } from './traceparent.ts'

/** A stretch of work in a trace. `traceparent` is for what comes of it; undefined: there is no trace. */
export type Span = {
  traceparent: string | undefined
  /** `error`: why the work failed, as one of few words. */
  end(outcome?: { error?: string | undefined; attributes?: Attributes }): void
}

type SpanOptions = {
  kind: 'server' | 'client' | 'producer' | 'consumer'
  /** The `traceparent` of the span that this one is part of; without one it begins a trace. */
  parent: string | undefined
  /** Those of spans in other traces that it has to do with. */
  links?: readonly (string | undefined)[]
  attributes: Attributes
}

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}

/** What the SDK keeps of one span. */
const maxLinks = 128

/** Of the SDK; null where OTEL_EXPORTER_OTLP_ENDPOINT is not set. */
let tracer: Tracer | null = null

/** Has spans recorded by the SDK from now on; null: no longer. */
export function recordWith(recorder: Tracer | null): void {
  tracer = recorder
}

/** Begins a span. Without the SDK it records nothing, and what comes of it continues the parent. */
export function startSpan(name: string, { kind, parent, links = [], attributes }: SpanOptions): Span {
  if (!tracer) return { traceparent: parent, end: () => undefined }
  const of = contextOf(parent)
  const linked = links.slice(0, maxLinks).flatMap((link) => contextOf(link) ?? [])
  const span = tracer.startSpan(
    name,
    { kind: kinds[kind], attributes, links: linked.map((context) => ({ context })) },
    of ? trace.setSpanContext(ROOT_CONTEXT, of) : ROOT_CONTEXT,
  )
  return {
    traceparent: writeTraceparent(span.spanContext()),
    end({ error, attributes: more = {} } = {}) {
      span.setAttributes(more)
      if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/** The `traceparent` that a record carries: that of the span in which it was made, which is part of its cause. */
export function traceRecord(topic: string, cause: string | undefined): string {
  if (!tracer) return nextSpan(cause)
  const attributes = { ...ofKafka('create'), 'messaging.destination.name': topic }
  const span = startSpan(`create ${topic}`, { kind: 'producer', parent: cause, attributes })
  span.end()
  return span.traceparent ?? nextSpan(cause)
}

/** One span for records that travel together, linked with those in which they were made. */
export function traceSend(topic: string, traceparents: readonly (string | undefined)[]): Span {
  return startSpan(`send ${topic}`, {
    ...{ kind: 'client', parent: undefined, links: traceparents },
    attributes: {
      ...{ ...ofKafka('send'), 'messaging.destination.name': topic },
      'messaging.batch.message_count': traceparents.length,
    },
  })
}

type Batch = {
  topic: string
  group: string
  partition: number
  records: readonly { offset: string; traceparent: string | undefined }[]
}

/**
 * Spans of a batch that is processed: one for each record, in its trace, so that a trace goes on from service to service; and
 * one for all of them, linked with each.
 */
export function traceBatch({ topic, group, partition, records }: Batch) {
  if (!tracer) return { causeOf: (index: number) => records[index]?.traceparent, end: () => undefined }
  const attributes = {
    ...ofKafka('process'),
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.consumer.group.name': group,
  }
  const batch = startSpan(`process ${topic}`, {
    ...{ kind: 'consumer', parent: undefined, links: records.map(({ traceparent }) => traceparent) },
    attributes: { ...attributes, 'messaging.batch.message_count': records.length },
  })
  const spans = records.map(({ offset, traceparent }) =>
    startSpan(`process ${topic}`, {
      ...{ kind: 'consumer', parent: traceparent, links: [batch.traceparent] },
      attributes: { ...attributes, 'messaging.kafka.offset': Number(offset) },
    }),
  )
  return {
    causeOf: (index: number) => spans[index]?.traceparent,
    end(error?: string): void {
      for (const span of [...spans, batch]) span.end({ error })
    },
  }
}

function ofKafka(operation: 'create' | 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
  }
}
