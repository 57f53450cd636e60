type Answer = { status: number; location: string | null; text: string; headers: Headers }
type Sent = { form?: Record<string, string>; headers?: Record<string, string> }

export type CookieBrowser = {
  cookies: Map<string, string>
  /** GET, or POST of a form as a page of the same host sends it. Redirects are not followed. */
  open(path: string, sent?: Sent): Promise<Answer>
  /** The same, and where it leads in the end. */
  follow(path: string, sent?: Sent): Promise<Answer & { path: string }>
}

/** What matters of a browser: it keeps cookies, and names the page that a form is on. */
export function openCookieBrowser(origin: string): CookieBrowser {
  const cookies = new Map<string, string>()

  async function open(path: string, { form, headers = {} }: Sent = {}): Promise<Answer> {
    const response = await fetch(new URL(path, origin), {
      redirect: 'manual',
      headers: {
        ...(cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }),
        ...(form && { origin, 'sec-fetch-site': 'same-origin' }),
        ...headers,
      },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (/max-age=0/i.test(cookie)) cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    return { status: response.status, location, text: await response.text(), headers: response.headers }
  }

  async function follow(path: string, sent?: Sent): Promise<Answer & { path: string }> {
    let [at, answer] = [path, await open(path, sent)]
    while (answer.location !== null) [at, answer] = [answer.location, await open(answer.location)]
    return { ...answer, path: at }
  }

  return { cookies, open, follow }
}
