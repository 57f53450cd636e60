import type { Browser } from 'puppeteer-core'
import { onCleanup } from './cleanup.ts'
import { launchBrowser } from './launch-browser.ts'

/** As launchBrowser, closed at the end of the test file. */
export async function openBrowser(): Promise<Browser> {
  const browser = await launchBrowser()
  onCleanup(() => browser.close())
  return browser
}
