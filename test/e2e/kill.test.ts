import { expect, test } from 'vitest'
import { services } from '../../deploy/local/config.ts'
import { startFeeding } from '../harness/feeding.ts'
import { countNews, countValues, generateHistory } from '../harness/github.ts'
import { countMails, quickRecovery } from '../harness/messages.ts'
import { startSystem } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

test('kill -9 of every service in turn during a feed changes nothing of what comes out', async () => {
  const history = generateHistory(4, 15)
  const { payloads } = history
  const system = await startSystem({ map: history.map, companies: 4, env: quickRecovery })
  const feeding = startFeeding(system, payloads, { overMs: 25_000 })
  for (const [index, name] of services.entries()) {
    const due = Math.ceil(((index + 1) * payloads.length) / (services.length + 2))
    await waitFor(`${due} payloads to be taken`, () => feeding.fed() >= due, 60_000)
    await system.services[name].replace()
  }
  const { documents } = await feeding.done
  expect(new Set(documents).size).toBe(payloads.length)

  const { values, publicValues, ...counts } = await system.settled(payloads.length, 90_000)
  const expected = countNews(history)
  expect(expected.payloads).toBeGreaterThan(payloads.length / 4)
  expect(values).toEqual(countValues(history))
  expect(publicValues).toEqual(values)
  const { mails, ...others } = counts
  expect(others).toEqual({
    ...{ documents: payloads.length, normalized: payloads.length, refused: 0, refusedValues: 0, deadLetters: 0 },
    ...{ news: expected.news, silentNews: 0, publicNews: expected.news, posts: expected.payloads },
  })
  // A mail that was being sent when the notifier died may or may not have left, and is not sent again.
  const { distinct, unknown } = await countMails(system)
  expect(distinct).toBe(mails)
  expect(mails).toBeLessThanOrEqual(expected.payloads)
  expect(mails).toBeGreaterThanOrEqual(expected.payloads - unknown)
}, 240_000)
