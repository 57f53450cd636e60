import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { readStackEnv } from '../../deploy/local/stack-env.ts'
import { stopStack } from '../../deploy/local/stop.ts'
import type { Mail } from '../../deploy/local/stand-ins/render-mail.ts'
import { removePostgresData } from '../../deploy/local/postgres.ts'
import { type CookieBrowser, openCookieBrowser } from '../harness/edge/cookie-browser.ts'
import { expectFilledPages } from '../harness/edge/filled-pages.ts'
import { readMarkup } from '../harness/markup.ts'

const dir = mkdtempSync(join(tmpdir(), 'demo-'))
afterAll(async () => {
  await stopStack(dir)
  removePostgresData(dir)
  rmSync(dir, { recursive: true, force: true })
}, 60_000)

/** Runs the demo as `make demo` does, on its own stack. It has no npm, so that it uses the committed recording. */
async function runDemo(): Promise<string> {
  const args = [join(root, 'deploy/local/demo.ts'), `--dir=${dir}`, '--free-ports']
  const env = { ...process.env, MINER_NPM_COMMAND: '/nonexistent', MINER_CACHE_DIR: join(dir, 'npm-view') }
  return (await promisify(execFile)(process.execPath, args, { cwd: root, env, maxBuffer: 64e6 })).stdout
}

async function readMails(): Promise<Mail[]> {
  return (await (await fetch(readStackEnv(dir).MAILBOX_URL ?? '')).json()) as Mail[]
}

/** The investor's pages show the news items and numbers that are stored. */
async function expectPagesOfDemo(browser: CookieBrowser): Promise<void> {
  const database = new pg.Client({ connectionString: readStackEnv(dir).DATABASE_URL })
  await database.connect()
  try {
    const query = async <Row extends object>(text: string) => (await database.query(text)).rows as Row[]
    const stored = await query<{ id: string; title: string }>('SELECT news_id AS id, title FROM analyzer.news_view')
    const titles = new Map(stored.map(({ id, title }) => [`n-${id}`, title]))
    const { text } = await browser.open('/console?companies=all&show=all&severity=')
    const listed = readMarkup(text).filter(({ attributes }) => attributes['data-news'] !== undefined)
    expect(listed.length).toBeGreaterThan(0)
    for (const item of listed)
      expect(item.text).toContain(titles.get(item.attributes['id'] ?? '') ?? 'no such news item')
    const [{ companies } = { companies: 0 }] = await query<{ companies: number }>(
      'SELECT count(*)::int AS companies FROM company',
    )
    await expectFilledPages(browser, query, companies)
  } finally {
    await database.end()
  }
}

test(
  'the demo runs twice on the same data, the second time with nothing new to tell',
  { timeout: 900_000 },
  async () => {
    const first = await runDemo()
    expect(first).toMatch(/payloads +[1-9]\d* fed, [1-9]\d* understood, 0 refused, [1-9]\d* judged/)
    const [, previous, current] = /: ([\d,]+) → ([\d,]+)\n/.exec(first) ?? []
    expect(previous).not.toBe(current)
    const mails = await readMails()
    const told = mails.filter(({ text }) => text.includes(previous ?? 'none') && text.includes(current ?? 'none'))
    expect(told.length).toBeGreaterThan(0)
    const [, newsId, eventId] = /news item +(\S+)\n[\s\S]*payload +(\S+),/.exec(first) ?? []
    expect(mails.some(({ text }) => text.includes(newsId ?? 'none') && text.includes(eventId ?? 'none'))).toBe(true)

    const [whyLink = ''] = /http:\S+\/why\/\S+/.exec(first) ?? []
    const page = await fetch(whyLink)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining(current ?? 'none')])

    const [signInLink = ''] = /http:\S+\/console\/sign-in\/link\/\S+/.exec(first) ?? []
    const browser = openCookieBrowser(new URL(signInLink).origin)
    expect((await browser.open(signInLink)).text).toContain('Demo Investor')
    const console = await browser.follow(signInLink, { form: {} })
    expect([console.path, console.status, console.text]).toEqual([
      '/console',
      200,
      expect.stringContaining('Demo Investor'),
    ])
    await expectPagesOfDemo(browser)

    const second = await runDemo()
    expect(second).toContain('the stack is already running')
    expect(/payloads .*/.exec(second)?.[0]).toBe(/payloads .*/.exec(first)?.[0])
    expect(await readMails()).toHaveLength(mails.length)
  },
)
