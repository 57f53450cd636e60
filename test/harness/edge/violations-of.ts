import { findViolations } from './axe.ts'
import type { WatchedPage } from './watched-page.ts'

/** What is wrong with the look of a page: at 390 and 1,280 pixels, light and dark, as axe-core and the browser say. */
export async function violationsOf({ page, wrong }: WatchedPage, url: string, status = 200): Promise<string[]> {
  const found: string[] = []
  for (const width of [320, 390, 1280])
    for (const scheme of width === 320 ? ['light'] : ['light', 'dark']) {
      await page.setViewport({ width, height: 800 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      const response = await page.goto(url)
      if (response?.status() !== status) found.push(`${url}: ${response?.status()} in place of ${status}`)
      const shown = Number(await page.evaluate('document.documentElement.scrollWidth'))
      if (shown > width) found.push(`${url} is ${shown} pixels wide at ${width}`)
      if (width !== 320) found.push(...(await findViolations(page)))
    }
  // Chromium logs a page whose status is an error.
  return [...found, ...wrong.splice(0).filter((line) => status < 400 || !/status of 4\d\d/.test(line))]
}
