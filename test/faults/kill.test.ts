import { expect, test } from 'vitest'
import { services } from '../../deploy/local/config.ts'
import type { Counts } from '../harness/counts.ts'
import { startFeeding } from '../harness/feeding.ts'
import { countValues, generateHistory, type History, historyFile, readHistory } from '../harness/github.ts'
import { countMails, quickRecovery } from '../harness/messages.ts'
import { startSystem, type System } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const [companies, weeks] = [20, 25]
const minute = 60_000

/** As if observed today, a minute apart: history is silent, and there would be no messages to compare. */
function asOfToday({ map, payloads }: History): History {
  const first = Date.now() - payloads.length * minute
  const at = (index: number) => new Date(first + index * minute).toISOString()
  return { map, payloads: payloads.map((payload, index) => ({ ...payload, observedAt: at(index) })) }
}

async function run(history: History, disturb: (system: System, fed: () => number) => Promise<void>) {
  const system = await startSystem({ map: history.map, companies, env: quickRecovery })
  const feeding = startFeeding(system, history.payloads, { overMs: minute })
  await disturb(system, feeding.fed)
  await feeding.done
  const counts = await system.settled(history.payloads.length, 4 * minute)
  return { counts, mailsOf: await countMails(system) }
}

test('kill -9 of every service in turn during a feed of 500 payloads changes no final count', async () => {
  const real = readHistory(companies, weeks)
  if (!real) console.log(`${historyFile} or its map is not here: generated payloads are fed`)
  const history = asOfToday(real ?? generateHistory(companies, weeks))
  const total = history.payloads.length
  expect(total).toBe(500)

  const calm = await run(history, async () => undefined)
  const disturbed = await run(history, async (system, fed) => {
    for (const [index, name] of services.entries()) {
      await waitFor('the next payloads to be taken', () => fed() >= ((index + 1) * total) / 8, 2 * minute)
      await system.services[name].replace()
    }
  })

  const withoutMails = ({ mails: _, ...counts }: Counts) => counts
  expect(withoutMails(disturbed.counts)).toEqual(withoutMails(calm.counts))
  expect(calm.counts).toMatchObject({
    documents: total,
    normalized: total,
    values: countValues(history),
    deadLetters: 0,
  })
  expect(calm.counts.posts).toBeGreaterThan(companies)
  expect(calm.counts.mails).toBe(calm.counts.posts)
  // A mail that was being sent when the notifier died may or may not have left, and is not sent again.
  const { distinct, unknown } = disturbed.mailsOf
  expect(distinct).toBe(disturbed.counts.mails)
  expect(distinct).toBeGreaterThanOrEqual(calm.counts.mails - unknown)
  expect(distinct).toBeLessThanOrEqual(calm.counts.mails)
})
