import { startEdge, type StartedEdge } from './setup.ts'
import { signIn } from './console.ts'
import { sendForm } from './desk-site.ts'

type Run = { source: number; task: number; hoursAgo: number; fed?: number; outcome?: string | null; reason?: string }

/** An edge with operators and viewers who have signed in, and what its desk is about. */
export type TestDesk = {
  edge: StartedEdge
  cookies: { operator: string; viewer: string }
  /** The status of a page and its markup, as whoever has the cookie sees it. */
  open(path: string, cookie?: string): Promise<{ status: number; text: string; location: string | null }>
  /** Sends a form of the page at `from`, and opens what it leads to. */
  send(
    path: string,
    fields: Record<string, string>,
    cookie?: string,
  ): Promise<{ status: number; text: string; url: string }>
  addRun(run: Run): Promise<void>
}

export async function startDesk(env: NodeJS.ProcessEnv = {}): Promise<TestDesk> {
  const edge = await startEdge(env)
  const cookies = { operator: await signIn(edge, { key: 'operator' }), viewer: await signIn(edge, { key: 'viewer' }) }
  const get = (path: string, cookie: string) =>
    fetch(new URL(path, edge.url), { headers: { cookie }, redirect: 'manual' })
  const open: TestDesk['open'] = async (path, cookie = cookies.operator) => {
    const answer = await get(path, cookie)
    return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') }
  }
  return {
    ...{ edge, cookies, open },
    async send(path, fields, cookie = cookies.operator) {
      const answer = await sendForm(edge.url, path, { fields, cookie })
      const location = answer.headers.get('location')
      if (location === null) return { status: answer.status, text: await answer.text(), url: path }
      return { status: answer.status, text: (await open(location, cookie)).text, url: location }
    },
    addRun: async ({ source, task, hoursAgo, fed = 0, outcome = 'ok', reason = null as never }) => {
      await edge.database.query(
        `INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at,
           finished_at, fed, outcome, reason, judged)
         SELECT $1, $2, 'REGULAR', at, 1, 1, at, CASE WHEN $5::text IS NULL THEN NULL ELSE at + interval '1 minute' END, $4,
           $5, $6, true
         FROM (SELECT date_trunc('minute', now()) - $3 * interval '1 hour' AS at) t`,
        [task, source, hoursAgo, fed, outcome, reason],
      )
    },
  }
}
