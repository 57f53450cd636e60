import { type Consumer, topics } from '#schemas/topics.ts'

/** Where a service reads on after a restore. `end`: what comes there is sent again by the service before it. */
export type ReadOn = { service: Consumer; topic: string; to: 'since' | 'end' }

const { rawPayloads, observations, news, triggers, crawlFinished, changes, opsEvents } = topics

/**
 * What comes from outside is read again. What services say to each other is not: it names rows that Postgres does not have
 * any more, and is sent again with those that it will have. Requests for runs are not made again.
 */
export const readAgain: readonly ReadOn[] = [
  { service: 'normalizer', topic: rawPayloads.name, to: 'since' },
  { service: 'normalizer', topic: changes.name, to: 'since' },
  { service: 'analyzer', topic: observations.name, to: 'end' },
  { service: 'analyzer', topic: changes.name, to: 'since' },
  { service: 'notifier', topic: news.name, to: 'end' },
  { service: 'notifier', topic: opsEvents.name, to: 'since' },
  { service: 'notifier', topic: changes.name, to: 'since' },
  { service: 'notifier', topic: triggers.name, to: 'since' },
  { service: 'scheduler', topic: rawPayloads.name, to: 'since' },
  { service: 'scheduler', topic: crawlFinished.name, to: 'since' },
  { service: 'scheduler', topic: changes.name, to: 'since' },
  { service: 'scheduler', topic: triggers.name, to: 'end' },
]

type Restored = { since: string; pending: number; isHeld: boolean }

/** The commands that bring a restored Postgres up to now, in their order; a line that begins with # is for people. */
export function planSteps({ since, pending, isHeld }: Restored): string[] {
  return [
    ...(pending > 0 ? ['npx parma migrate'] : []),
    'npx parma maps recover',
    `npx parma series recover --since ${since}`,
    `npx parma deliveries recall --since ${since}`,
    'npx parma backup advance',
    'npx parma forget --again',
    ...readAgain.map(
      ({ service, topic, to }) =>
        `npx parma groups reset --service ${service} --topic ${topic} --to ${to === 'since' ? since : 'latest'} --yes`,
    ),
    '# start the services',
    ...(isHeld ? [] : ['npx parma redrive --missing']),
    '# npx parma status says that all are ready and catch up',
  ]
}
