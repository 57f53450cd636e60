import { Histogram } from 'prom-client'

/** Steps on the way of a payload from its receipt to a message. */
export type Step = 'kept' | 'stored' | 'judged' | 'planned' | 'sent'

const sinceReceipt = new Histogram({
  name: 'parma_step_seconds',
  help: 'Time from the receipt of a payload by the edge until a step was done with it or with what came of it',
  labelNames: ['step'] as const,
  buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400],
})

/** Says that this process will do a step, so that its first time shows as a change. */
export function expectStep(step: Step): void {
  sinceReceipt.zero({ step })
}

/** The header with the time (ms) at which the payload was received that a record came of. Only records of live payloads carry it. */
export const receivedAtHeader = 'received_at'

/** Notes that a step is done with what was received at `receivedAt` (ms, as text or number). Nothing, if that is not known. */
export function noteStep(step: Step, receivedAt: string | number | null | undefined): void {
  const ms = Number(receivedAt ?? Number.NaN)
  // Clocks of two machines differ by a little.
  if (ms > 0) sinceReceipt.observe({ step }, Math.max(0, Date.now() - ms) / 1000)
}
