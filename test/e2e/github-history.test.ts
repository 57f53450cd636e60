import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openCookieBrowser } from '../harness/edge/cookie-browser.ts'
import { expectFilledPages } from '../harness/edge/filled-pages.ts'
import { startFeeding } from '../harness/feeding.ts'
import { countValues, historyFile, readHistory } from '../harness/github.ts'
import { startSystem } from '../harness/system.ts'

const companies = 3
const weeks = 8

test('real payloads of the github module are accounted for with all their values, and fill the pages', async () => {
  const history = readHistory(companies, weeks)
  if (history === null) {
    console.log(`${historyFile} or its map is not here: no real payloads are fed`)
    return expect(existsSync(historyFile)).toBe(false)
  }
  const { map, payloads } = history
  expect(payloads).toHaveLength(companies * weeks)
  const system = await startSystem({ map, companies })
  const { documents, refusals } = await startFeeding(system, payloads).done
  expect(refusals).toEqual({})
  expect(new Set(documents).size).toBe(payloads.length)

  const { values, publicValues, news, silentNews, publicNews, ...counts } = await system.settled(
    payloads.length,
    120_000,
  )
  const expected = countValues(history)
  expect(Object.values(expected).reduce((a, b) => a + b)).toBeGreaterThan((100 * companies * weeks) / 2)
  expect(values).toEqual(expected)
  expect(publicValues).toEqual(expected)
  expect(counts).toEqual({
    ...{ documents: payloads.length, normalized: payloads.length, refused: 0, refusedValues: 0, deadLetters: 0 },
    ...{ mails: 0, posts: 0 },
  })
  expect(silentNews).toBe(news)
  expect(publicNews).toBe(0)

  const name = system.address.replace(/@.*/, '')
  const { link } = JSON.parse(await system.parma('people', 'link', name, '--json')) as { link: string }
  const { pathname, search } = new URL(link)
  const browser = openCookieBrowser(system.edgeUrl)
  const shown = await browser.follow(pathname + search, { form: {} })
  expect([shown.path, shown.status, shown.text]).toEqual(['/console', 200, expect.stringMatching(/quiet/i)])
  await expectFilledPages(browser, system.database.query, companies)
}, 240_000)
