import { Counter } from 'prom-client'

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
