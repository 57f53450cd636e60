import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { startFeeding } from '../harness/feeding.ts'
import { countNews, countValues, generateHistory } from '../harness/github.ts'
import { countMails } from '../harness/messages.ts'
import { type Server, takeDown } from '../harness/outage.ts'
import { startSystem, type System } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const outageMs = 20_000
const companies = 5
/** Each outage gets its share of the payloads of one history. */
const share = 100
const outages: { server: Server; holdsFeeds: boolean }[] = [
  { server: 'registry', holdsFeeds: false },
  { server: 'kafka', holdsFeeds: true },
  { server: 'postgres', holdsFeeds: false },
  { server: 'firestore', holdsFeeds: false },
]
const history = generateHistory(companies, (share * outages.length) / companies)

let system: System
beforeAll(async () => {
  system = await startSystem({
    map: history.map,
    companies,
    env: { SLACK_INTERVAL_MS: '0', DEFAULT_DETECTOR: 'percent' },
  })
})

test.each(outages)(
  'without $server for 20 s under load nothing is lost and nothing is a dead letter',
  async ({ server, holdsFeeds }) => {
    const from = outages.findIndex((outage) => outage.server === server) * share
    const feeding = startFeeding(system, history.payloads.slice(from, from + share), { overMs: 35_000 })
    await waitFor('the feed to run', () => feeding.fed() >= share / 10)
    const bringBack = takeDown(server)
    const before = feeding.fed()
    await delay(outageMs)
    const taken = feeding.fed() - before
    // A feed of a known source needs nothing but the broker.
    if (!holdsFeeds) expect(taken).toBeGreaterThan(share / 4)
    await bringBack()
    expect((await feeding.done).refusals).toEqual({})

    const payloads = history.payloads.slice(0, from + share)
    const soFar = { ...history, payloads }
    const expected = countNews(soFar)
    const { values, publicValues, mails, ...others } = await system.settled(payloads.length, 180_000)
    expect(values).toEqual(countValues(soFar))
    expect(publicValues).toEqual(values)
    expect(others).toEqual({
      ...{ documents: payloads.length, normalized: payloads.length, refused: 0, refusedValues: 0, deadLetters: 0 },
      ...{ news: expected.news, silentNews: 0, publicNews: expected.news, posts: expected.payloads },
    })
    // A mail that was being sent when Postgres died may or may not have left.
    const { distinct, unknown } = await countMails(system)
    expect(distinct).toBe(mails)
    expect(mails).toBeGreaterThanOrEqual(expected.payloads - unknown)
    expect(mails).toBeLessThanOrEqual(expected.payloads)
  },
)
