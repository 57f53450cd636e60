import { expect, test } from 'vitest'
import { allTopics, topics } from '#schemas/topics.ts'
import { planSteps, readAgain } from './plan-steps.ts'

test('says of each service that has rows in Postgres where it reads on, topic by topic', () => {
  const withoutRows = new Set(['raw-sink'])
  const read = allTopics
    .flatMap(({ name, consumers }) => consumers.map((service) => `${service} ${name}`))
    .filter((pair) => !withoutRows.has(pair.split(' ')[0] ?? ''))
  expect(readAgain.map(({ service, topic }) => `${service} ${topic}`).toSorted()).toEqual(read.toSorted())
})

test('what was told is recalled before offsets are set and services start, and erasures come back before that', () => {
  const steps = planSteps({ since: '2026-11-30T10:00:00.000Z', pending: 1, isHeld: false })
  const at = (words: string) => steps.findIndex((step) => step.includes(words))
  const order = ['migrate', 'maps recover', 'series recover', 'deliveries recall', 'forget --again', 'groups reset']
  const places = [...order, '# start', 'redrive --missing', 'status'].map(at)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(places).not.toContain(-1)
  expect(steps).toContain(
    `npx parma groups reset --service analyzer --topic ${topics.observations.name} --to latest --yes`,
  )
})
