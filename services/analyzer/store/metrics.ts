import { Counter } from 'prom-client'

export const valuesJudged = new Counter({
  name: 'parma_analyzer_values_judged_total',
  help: 'Values of payloads that took effect',
})
export const newsCount = new Counter({
  name: 'parma_analyzer_news_total',
  help: 'News, by kind and whether anybody is messaged',
  labelNames: ['kind', 'silent'] as const,
})
