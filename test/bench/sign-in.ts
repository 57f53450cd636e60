import { randomUUID } from 'node:crypto'
import { runParma } from '../../deploy/local/parma.ts'
import { openCookieBrowser } from '../harness/edge/cookie-browser.ts'

/** A new key of an operator, and the `Cookie` header of whoever has signed in with it. */
export async function signIn(env: NodeJS.ProcessEnv, origin: string): Promise<{ key: string; cookie: string }> {
  const name = `bench-${randomUUID()}`
  const created = await runParma(env, 'keys', 'create', '--name', name, '--role', 'operator', '--json')
  const { key } = JSON.parse(created) as { key: string }
  const { cookies, open } = openCookieBrowser(origin)
  await open('/console/sign-in/key', { form: { key } })
  if (cookies.size === 0) throw new Error('the key does not sign in')
  return { key, cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
}
