import type { Page } from 'puppeteer-core'
import { openBrowser } from '../browser.ts'

/**
 * `wrong` lists what a page must not do: log errors, break its policy, ask another origin. `asked`: paths of its own.
 */
export type WatchedPage = { page: Page; wrong: string[]; asked: string[] }

/** A page in a new browser. It may load only from `origin`. */
export async function openWatchedPage(origin: string): Promise<WatchedPage> {
  const page = await (await openBrowser()).newPage()
  page.setDefaultTimeout(120_000)
  const [wrong, asked]: [string[], string[]] = [[], []]
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) wrong.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => wrong.push(`page: ${String(error)}`))
  page.on('requestfailed', (request) => wrong.push(`failed: ${request.url()}`))
  page.on('request', (request) => {
    const { protocol, origin: other, pathname } = new URL(request.url())
    if (protocol === 'data:') return
    if (other === origin) asked.push(pathname)
    else wrong.push(`asked: ${request.url()}`)
  })
  await page.exposeFunction('tellViolation', (directive: string) => wrong.push(`policy: ${directive}`))
  await page.evaluateOnNewDocument(
    `addEventListener('securitypolicyviolation', (event) => tellViolation(event.violatedDirective))`,
  )
  return { page, wrong, asked }
}
