import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, launch } from 'puppeteer-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** A headless Chromium, the one of this machine. `make test` installs it where it is missing. */
export function launchBrowser(): Promise<Browser> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const executablePath = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync)
  if (!executablePath) throw new Error('Chromium is missing: install the package chromium.')
  // Chromium has no sandbox for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return launch({ executablePath, args: ['--disable-dev-shm-usage', ...args], timeout: 120_000 })
}
