import { Counter } from 'prom-client'

export const valuesJudged = new Counter({
  name: 'parma_analyzer_values_judged_total',
  help: 'Values judged, each once',
})
export const newsCount = new Counter({
  name: 'parma_analyzer_news_total',
  help: 'News items, by kind and whether they are silent',
  labelNames: ['kind', 'silent'] as const,
})

// So that the first one shows as a change.
for (const kind of ['threshold', 'changed', 'appeared', 'gone'])
  for (const silent of ['true', 'false']) newsCount.inc({ kind, silent }, 0)
