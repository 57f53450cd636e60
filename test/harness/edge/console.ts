import type { Page } from 'puppeteer-core'
import { makeSessionToken, sessionCookie } from '../../../services/edge/access/session-token.ts'
import type { Role } from '../../../services/runtime/changes/roles.ts'
import { createInstallation } from '../installation.ts'
import { addPerson } from '../notifier/setup.ts'
import { unique } from '../mailbox.ts'
import { type TestEdge, useEdge } from './setup.ts'
import { storeFacts } from './stored-facts.ts'

/** An installation with an edge, a notifier and an analyzer, and what people see on their pages. */
export type TestConsole = {
  edge: TestEdge
  /** Ids. Ann follows Acme and has a bucket with Beta; Bob follows nothing and has a bucket with Gamma. */
  ann: number
  bob: number
  /** Ann’s address. */
  mail: string
  companies: { acme: number; beta: number; gamma: number }
  buckets: { ann: number; bob: number }
  /** Stars of Acme. */
  series: number
  /** News items: two of Acme, one of Beta, one of Gamma. */
  news: { acme: string; acmeMinor: string; beta: string; gamma: string }
  /** The `Cookie` header of somebody who has signed in. */
  signIn(who: Who): Promise<string>
}

export async function startConsole(): Promise<TestConsole> {
  const installation = await createInstallation()
  const [{ url }] = await Promise.all([
    installation.start('edge'),
    installation.start('notifier', { POLL_MS: '100' }),
    installation.start('analyzer'),
  ])
  const edge = useEdge(installation, url)
  const { addMeasurement, addBucket, addSeries, addNewsItem } = storeFacts(edge)
  const source = await edge.addSource('github')
  const stars = await addMeasurement(source, 'stars')
  const [acme, beta, gamma] = [
    await edge.addCompany('Acme'),
    await edge.addCompany('Beta'),
    await edge.addCompany('Gamma'),
  ]
  const mail = `${unique('ann')}@example.com`
  const ann = await addPerson(edge.database, {
    name: 'Ann',
    companies: [acme],
    channels: [
      { type: 'EMAIL', destination: mail },
      { type: 'EMAIL', destination: mail, purpose: 'REPORT' },
    ],
  })
  const bob = await addPerson(edge.database, { name: 'Bob', channels: [] })
  const buckets = { ann: await addBucket('Portfolio', ann, [beta]), bob: await addBucket('Secret', bob, [gamma]) }
  const weeks = (first: number, step: number) =>
    Object.fromEntries(
      Array.from({ length: 40 }, (_, week) => [7 * (39 - week), first + step * week + (week === 39 ? 900 : 0)]),
    )
  const series = await addSeries(acme, stars, weeks(9800, 120))
  const betaSeries = await addSeries(beta, stars, weeks(400, 6))
  const gammaSeries = await addSeries(gamma, stars, weeks(50, 1))
  const of = (company: number, itsSeries: number) => ({ company, source, measurement: stars, series: itsSeries })
  const news = {
    acme: await addNewsItem({
      ...of(acme, series),
      importance: 0.9,
      severity: 'critical',
      title: 'Acme: stars rose by 6.1%, more than ever',
    }),
    acmeMinor: await addNewsItem({ ...of(acme, series), importance: 0.2, age: 1, title: 'Acme: forks rose by 2%' }),
    beta: await addNewsItem({
      ...of(beta, betaSeries),
      importance: 0.5,
      severity: 'warning',
      title: 'Beta: stars fell for three weeks',
    }),
    gamma: await addNewsItem({ ...of(gamma, gammaSeries), importance: 0.8, title: 'Gamma: <b>secret</b> launch' }),
  }
  return {
    edge,
    ann,
    bob,
    mail,
    companies: { acme, beta, gamma },
    buckets,
    series,
    news,
    signIn: (who) => signIn(edge, who),
  }
}

type Who = { person: number } | { key: Role }

/** The `Cookie` header of somebody who has signed in. */
export async function signIn(edge: TestEdge, who: Who): Promise<string> {
  const { token, hash } = makeSessionToken()
  const key = 'key' in who ? await keyId(edge, who.key) : null
  await edge.database.query(
    `INSERT INTO edge.session (hash, user_id, key_id, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')`,
    [hash, 'person' in who ? who.person : null, key],
  )
  return `${sessionCookie}=${token}`
}

async function keyId(edge: TestEdge, role: Role): Promise<number> {
  await edge.apiKey(role)
  const [row] = await edge.database.query<{ id: number }>('SELECT max(key_id)::int AS id FROM edge.api_key')
  return row!.id
}

/** Gives a browser the session of a `Cookie` header. */
export async function useSession(page: Page, url: string, cookie: string): Promise<void> {
  const [name, value] = cookie.split('=') as [string, string]
  await page
    .browserContext()
    .setCookie({ name, value, domain: new URL(url).hostname, path: '/', secure: true, httpOnly: true })
}
