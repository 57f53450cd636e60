import { randomUUID } from 'node:crypto'
import type { SpanContext } from '@opentelemetry/api'

/** W3C trace context, https://www.w3.org/TR/trace-context/#traceparent-header: version 00, trace id, span id, flags. */
const pattern = /^00-(?!0{32})([0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})$/

/** The next span of the trace that `parent` belongs to; the first of a new trace when `parent` is missing or malformed. */
export function nextSpan(parent: string | undefined): string {
  const [, trace = randomUUID().replaceAll('-', ''), , flags = '01'] = pattern.exec(parent ?? '') ?? []
  // Node keeps random bytes for UUIDs in store: this costs a tenth of randomBytes, once per record.
  const random = randomUUID()
  return `00-${trace}-${random.slice(0, 8)}${random.slice(-8)}-${flags}`
}

/** The trace id within a `traceparent`, for logs; null when there is none. */
export function traceIdOf(traceparent: string | undefined): string | null {
  return pattern.exec(traceparent ?? '')?.[1] ?? null
}

/** What OpenTelemetry knows of a span of another process; null when the text is missing or malformed. */
export function contextOf(traceparent: string | undefined): SpanContext | null {
  const [, traceId, spanId, flags] = pattern.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined) return null
  return { traceId, spanId, traceFlags: parseInt(flags ?? '', 16), isRemote: true }
}

export function writeTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
