// `make pictures`: what people see, as pictures for the README. A demo of its own fills the pages; then it is removed.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'puppeteer-core'
import sharp from 'sharp'
import { root } from '../../deploy/local/config.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { removePostgresData } from '../../deploy/local/postgres.ts'
import { serviceEnv } from '../../deploy/local/servers.ts'
import { readStackEnv } from '../../deploy/local/stack-env.ts'
import type { Mail } from '../../deploy/local/stand-ins/render-mail.ts'
import { stopStack } from '../../deploy/local/stop.ts'
import { launchBrowser } from '../harness/launch-browser.ts'
import { waitFor } from '../harness/wait-for.ts'

const folder = join(root, 'docs/pictures')
const page = { width: 1280, height: 860 }
const mail = { width: 680, height: 860 }

await using scope = new AsyncDisposableStack()
const dir = mkdtempSync(join(tmpdir(), 'pictures-'))
scope.defer(async () => {
  await stopStack(dir)
  removePostgresData(dir)
  rmSync(dir, { recursive: true, force: true })
})
const demo = [join(root, 'deploy/local/demo.ts'), `--dir=${dir}`, '--free-ports']
const env = { ...process.env, MINER_NPM_COMMAND: '/nonexistent', MINER_CACHE_DIR: join(dir, 'npm-view') }
const { stdout } = await promisify(execFile)(process.execPath, demo, { cwd: root, env, maxBuffer: 64e6 })
const [signIn] = /http:\S+\/console\/sign-in\/link\/\S+/.exec(stdout) ?? []
if (signIn === undefined) throw new Error(`the demo printed no link to sign in:\n${stdout}`)

const browser = await launchBrowser()
scope.defer(() => browser.close())
const tab = await browser.newPage()
await tab.setViewport(page)
await tab.goto(signIn)
await Promise.all([tab.waitForNavigation(), tab.click('main button')])
await take(tab, 'news')
const { origin } = new URL(signIn)

/** Opens the last link that fits. */
async function follow(selector: string): Promise<void> {
  const link = (await tab.$$(selector)).at(-1)
  if (link === undefined) throw new Error(`${tab.url()} has no ${selector}`)
  await Promise.all([tab.waitForNavigation(), link.click()])
}

await tab.goto(`${origin}/console/watchlist?of=all&days=365`)
await take(tab, 'watchlist')
await follow('tbody tr:nth-child(3) a[href*="/console/series/"]')
await take(tab, 'series')
await follow('main a[href*="/console/companies/"]')
await take(tab, 'company')

await runParma(serviceEnv(readStackEnv(dir)), 'digests', 'run', '--early', '--json')
const findReport = async () => (await readMails()).find(({ subject }) => /report/i.test(subject))
await waitFor('the mail of the report', async () => (await findReport()) !== undefined)
const letter = await browser.newPage()
await letter.setViewport(mail)
await letter.setContent((await findReport())!.html)
await take(letter, 'mail')

async function readMails(): Promise<Mail[]> {
  return (await (await fetch(readStackEnv(dir).MAILBOX_URL ?? '')).json()) as Mail[]
}

/** What fits the window, in few colours: pages have no more. */
async function take(from: Page, name: string): Promise<void> {
  const { data } = await sharp(await from.screenshot())
    .png({ palette: true, colours: 128, compressionLevel: 9 })
    .toBuffer({ resolveWithObject: true })
  writeFileSync(join(folder, `${name}.png`), data)
  console.log(`${name}.png: ${Math.ceil(data.length / 1024)} kB`)
}
