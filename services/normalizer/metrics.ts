import { Counter } from 'prom-client'
import { payloadRemedies } from '#runtime/understand/remedies.ts'

export const leaves = new Counter({
  name: 'parma_normalizer_leaves_total',
  help: 'Leaves of payloads, by outcome (stored, null, unmapped, refused)',
  labelNames: ['outcome'] as const,
})
export const payloads = new Counter({
  name: 'parma_normalizer_payloads_total',
  help: 'Payloads, each once, by the reason they were refused as a whole (none: understood)',
  labelNames: ['reason'] as const,
})

// So that the first one shows as a change.
for (const outcome of ['stored', 'null', 'unmapped', 'refused']) leaves.inc({ outcome }, 0)
for (const reason of ['none', ...Object.keys(payloadRemedies)]) payloads.inc({ reason }, 0)
