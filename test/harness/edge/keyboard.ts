import type { Page } from 'puppeteer-core'
import { waitFor } from '../wait-for.ts'

/** Somebody who has a keyboard and no mouse. Each method fails if the page does not lead there. */
export function keyboard(page: Page) {
  const focused = `(() => {
    const { activeElement: at } = document
    const label = at.localName === 'button' ? undefined : at.labels?.[0]
    const name = at.getAttribute('aria-label') ?? (label?.querySelector('span') ?? at).textContent
    return [name.trim(), label !== undefined]
  })()`
  const main = () => page.evaluate(`document.querySelector('main').innerText`) as Promise<string>
  async function tab(name: string | RegExp, toField: boolean): Promise<void> {
    const is = (text: string) => (typeof name === 'string' ? text === name : name.test(text))
    for (let presses = 0; presses < 300; presses++) {
      const [text, isField] = (await page.evaluate(focused)) as [string, boolean]
      if (isField === toField && is(text)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not lead to ${name} on ${page.url()}: ${await main()}`)
  }
  /** Moves on until the focus is on what can be pressed and has this text or label. */
  const tabTo = (name: string | RegExp) => tab(name, false)
  return {
    ...{ main, tabTo },
    /** Presses what has this name, and waits for the page it leads to. */
    async press(name: string | RegExp): Promise<void> {
      await tabTo(name)
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    },
    /** Opens or closes what stays on the page. */
    async toggle(name: string): Promise<void> {
      await tabTo(name)
      await page.keyboard.press('Enter')
    },
    /** Writes in place of what a field holds, or chooses the option that begins so. */
    async fill(name: string, text: string): Promise<void> {
      await tab(name, true)
      if ((await page.evaluate('document.activeElement.localName')) === 'select') return page.keyboard.type(text)
      await page.keyboard.down('Control')
      await page.keyboard.press('a')
      await page.keyboard.up('Control')
      await page.keyboard.sendCharacter(text)
    },
    /** Reads the page again until it says this. */
    async waitUntil(text: string | RegExp): Promise<string> {
      const says = (shown: string) => (typeof text === 'string' ? shown.includes(text) : text.test(shown))
      let shown = ''
      const found = waitFor(
        `${text} on ${page.url()}`,
        async () => {
          shown = await main()
          if (says(shown)) return shown
          await page.reload()
          return false
        },
        60_000,
      )
      return found.catch((error: unknown) => {
        throw new Error(`${(error as Error).message}: ${shown}`)
      })
    },
    /** What the forms of the page send to. */
    forms: () => page.$$eval('main form[method=post]', (all) => all.map((form) => new URL(form.action).pathname)),
  }
}
