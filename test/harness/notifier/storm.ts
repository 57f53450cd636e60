import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Fate } from '../faulty-server.ts'
import { createInstallation, type Installation } from '../installation.ts'
import { type MailFate, startMailServer } from '../mail-server.ts'
import { plain, startProxy } from '../proxy.ts'
import { createRandom } from '../random.ts'
import { startSendGridServer, tooManyMails } from '../sendgrid-server.ts'
import { startSlackServer } from '../slack-server.ts'
import { superviseService } from '../supervised.ts'
import { waitFor } from '../wait-for.ts'
import { startWebhookReceiver } from '../webhook-receiver.ts'
import { addCompany, addPerson, addSource, groupOf, type Reach, sendNews } from './setup.ts'

export type Storm = {
  seed: number
  companies: number
  /** Of each company; no more than fit into one message, so that none is only counted in one. */
  newsOfEach: number
  people: number
  /** How long the news take to come, and how often in that time a notifier is killed or loses its database. */
  overMs: number
  disasters: number
}

/**
 * News to people at Slack, by mail through a mail server and through SendGrid, and at webhooks, while all of them have bad
 * days and the two notifiers are killed and cut off their database. Then compares what came with what was to come, which
 * is worked out here from who follows what alone. All that is random comes from the seed.
 */
export async function weather(storm: Storm): Promise<void> {
  console.log(`storm ${JSON.stringify(storm)}`)
  const random = createRandom(String(storm.seed))
  const installation = await createInstallation()
  const fateOf = <T>(kind: string, fates: [number, T][], calm: T) => {
    return (place: string, nth: number) => pick(createRandom(`${storm.seed}/${kind}/${place}/${nth}`)(), fates, calm)
  }
  const slackFate = fateOf<Fate>('slack', slackFates, 'pass')
  const mailFate = fateOf<MailFate>('mail', mailFates, 'accept')
  const slack = await startSlackServer({
    decide: (method, room, nth) => (room === 'hanging' ? 'hang' : slackFate(`${method} ${room}`, nth)),
  })
  const mailServer = await startMailServer((address, nth) => (address === gone ? 'refuse' : mailFate(address, nth)))
  const sendGridFate = fateOf<Fate>('sendgrid', sendGridFates, 'pass')
  const sendGrid = await startSendGridServer((address, nth) =>
    address === gone ? { status: 400, body: '{}' } : sendGridFate(address, nth),
  )
  const hookFate = fateOf<Fate>('hook', hookFates, 'pass')
  const receiver = await startWebhookReceiver((path, nth) => (path === '/gone' ? { status: 410 } : hookFate(path, nth)))

  const tokens = Array.from({ length: teams }, (_, n) => [`SECRET_TEAM_${n}`, `xoxb-team-${n}`] as const)
  for (const [, token] of tokens) slack.tokens.set(token, '')
  const { news, heardAt } = await settle(installation, storm, random, { slack, hookUrl: receiver.url })
  const database = new URL(installation.database.url)
  const proxy = await startProxy(database.host, plain)
  database.host = proxy.address
  const shared = {
    ...installation.env,
    ...{ DATABASE_URL: database.href, PUBLIC_URL: 'https://parma.example', SLACK_API_URL: slack.url },
    ...{ ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', SECRET_HOOK: receiver.secret, BUNDLE_WINDOW_MS: '5000' },
    ...Object.fromEntries(tokens),
    ...{ MAX_LINES: '40', SEND_TIMEOUT_MS: '2000', LEASE_MS: '6000', SESSION_TIMEOUT_MS: '6000', POLL_MS: '200' },
    ...{ RETRY_FIRST_MS: '200', RETRY_MAX_MS: '2000' },
  }
  const notifiers = await Promise.all([
    superviseService('notifier', { ...shared, SMTP_URL: mailServer.url }),
    superviseService('notifier', {
      ...shared,
      ...{ SMTP_URL: '', SENDGRID_API_URL: sendGrid.url, SENDGRID_API_KEY: sendGrid.apiKey },
      ...{ EMAIL_FROM: 'parma@example.com', SENDGRID_NOTIFICATION_TEMPLATE_ID: `d-${'1'.repeat(32)}` },
      SENDGRID_REPORT_TEMPLATE_ID: `d-${'2'.repeat(32)}`,
    }),
  ])

  let kills = 0
  const isOver = new AbortController()
  async function strike(): Promise<void> {
    for (let n = 0; n < storm.disasters; n++) {
      await delay((random() + 0.5) * (storm.overMs / storm.disasters), undefined, { signal: isOver.signal })
      if (random() < 0.4) proxy.cut()
      else {
        kills++
        await notifiers[random() < 0.5 ? 0 : 1]!.replace()
      }
    }
  }
  const striking = strike()
  const portion = Math.ceil(news.length / 100)
  for (let at = 0; at < news.length; at += portion) {
    // Some come twice, as records do.
    const from = random() < 0.1 ? Math.max(0, at - portion) : at
    await sendNews(
      installation,
      news.slice(from, at + portion).map(({ record }) => record),
    )
    await delay(storm.overMs / 100)
  }
  await striking

  // Every pair of a news and a place, in so many messages.
  const total = [...heardAt.values()].reduce((sum, tokens) => sum + tokens.size, 0)
  await waitFor(
    'all messages',
    async () => {
      const [row] = await installation.database.query<{ told: number; open: number }>(
        `SELECT (SELECT count(*)::int FROM notifier.item_delivery WHERE notification_id IS NOT NULL AND company_id <> 0) AS told,
           (SELECT count(*)::int FROM notifier.delivery d JOIN notifier.destination t USING (destination_id)
            WHERE d.due_at IS NOT NULL AND NOT (t.address ~ $1)) AS open`,
        [dead],
      )
      expect(row).toEqual({ told: total, open: 0 })
      return true
    },
    480_000,
  )

  const expected = (pattern: RegExp) =>
    new Map([...heardAt].filter(([place]) => pattern.test(place) && !new RegExp(dead).test(place)))
  const rooms = expected(/^SLACK /)
  const strange: object[] = []
  for (const [place, tokens] of rooms) {
    const posts = slack.postsIn(place.slice('SLACK '.length))
    const counts = countTokens(posts.map(({ blocks }) => JSON.stringify(blocks)))
    for (const token of new Set([...tokens, ...counts.keys()])) {
      if (tokens.has(token) && counts.get(token) === 1) continue
      const its = posts.filter(({ blocks }) => JSON.stringify(blocks).includes(token))
      strange.push({ place, token, posts: its.map(({ ts, metadata }) => [ts, metadata]) })
    }
  }
  expect(strange).toEqual([])
  expect(slack.posts.length).toBeGreaterThan(rooms.size)
  for (const [place, tokens] of expected(/^WEBHOOK /)) {
    const path = new URL(place.slice('WEBHOOK '.length)).pathname
    const texts = receiver.messagesAt(path).map(({ body }) => JSON.stringify(body))
    expect(countTokens(texts), place).toEqual(once(tokens))
  }
  expect(receiver.refusals).toEqual([])
  expect(sendGrid.refusals).toEqual([])
  // Whatever came, it kept Slack's rules and pace.
  const errors = slack.errors.filter((error) => !/^conversations\.\w+ ratelimited$|is_archived$/.test(error))
  expect(errors).toEqual([])
  for (const room of ['archived', 'hanging']) expect(slack.postsIn(room)).toEqual([])

  // Mails come at most once, and the ledger knows of each that did not, or that nobody can know of.
  const told = await installation.database.query<{
    place: string
    token: string
    state: string
    reason: string
    id: number
  }>(
    `SELECT 'EMAIL ' || t.address AS place, substring(n.title FROM 'N\\d+N') AS token, d.state, d.reason, d.delivery_id::int AS id
     FROM notifier.item_delivery i JOIN notifier.destination t USING (destination_id) JOIN notifier.news_item n ON n.news_id = i.item_id
     JOIN notifier.delivery d USING (notification_id, destination_id) WHERE t.channel = 'EMAIL'`,
  )
  const arrived = new Map<string, Map<string, number>>()
  for (const place of expected(/^EMAIL /).keys()) {
    const address = place.slice('EMAIL '.length)
    const texts = [
      ...mailServer.mailsTo(address).map(({ text }) => text),
      ...sendGrid.mailsTo(address).map((mail) => String(mail.personalizations[0]?.dynamic_template_data?.notification)),
    ]
    arrived.set(place, countTokens(texts))
  }
  const [states, wrong] = [new Map<string, Set<number>>(), [] as object[]]
  for (const row of told) {
    if (!arrived.has(row.place)) continue
    const times = arrived.get(row.place)?.get(row.token) ?? 0
    const allowed = { sent: [1], failed: [0], unknown: [0, 1] }[row.state] ?? []
    if (!allowed.includes(times)) wrong.push({ ...row, times })
    states.set(row.state, (states.get(row.state) ?? new Set()).add(row.id))
  }
  expect(wrong).toEqual([])
  const known = new Set(told.map(({ place, token }) => `${place} ${token}`))
  for (const [place, tokens] of expected(/^EMAIL /)) {
    for (const token of tokens) expect(known).toContain(`${place} ${token}`)
    expect([...(arrived.get(place)?.keys() ?? [])].filter((token) => !tokens.has(token))).toEqual([])
  }
  // Of mails whose answer was kept from the notifier nobody says that they were sent; no others are unknown, but for those under way at a kill.
  const lost = mailServer.mails.filter(({ fate }) => fate === 'cut' || fate === 'silence').map(deliveryOf)
  for (const id of lost) expect(states.get('unknown')).toContain(id)
  const ofKills = new Set(
    told.filter(({ state, reason }) => state === 'unknown' && /the notifier stopped/.test(reason)).map(({ id }) => id),
  )
  expect(ofKills.size).toBeLessThanOrEqual(kills * 40)
  console.log(
    `${total} news told at ${heardAt.size} places: ${slack.posts.length} posts, ${mailServer.mails.length} + ${sendGrid.mails.length} mails, ` +
      `${receiver.hooks.length} webhook calls; mails ${[...states].map(([state, ids]) => `${state} ${ids.size}`).join(', ')}, ${ofKills.size} of them by ${kills} kills`,
  )
  for (const { crashes } of notifiers) expect(crashes()).toBe(0)
}

/** Bots, each with calls of its own to spend. */
const teams = 4
const gone = 'gone@example.com'
/** Places where nothing arrives, ever. */
const dead = '^(\\w+ )?(gone@example\\.com|archived|hanging|http.*/gone)$'

const slackFates: [number, Fate][] = [
  [0.01, 'lose-answer'],
  [0.004, 'lose-call'],
  [0.003, 'keep-answer'],
  [0.003, 'hang'],
  [0.004, { status: 500, body: 'oops' }],
  [0.003, { status: 200, body: '<html>Sign in</html>' }],
  [0.01, { status: 429, headers: { 'retry-after': '3' } }],
]
const mailFates: [number, MailFate][] = [
  [0.01, 'put-off'],
  [0.005, 'put-off-text'],
  [0.004, 'refuse-text'],
  [0.008, 'cut'],
  [0.003, 'silence'],
  [0.003, 'hang'],
]
const sendGridFates: [number, Fate][] = [
  [0.01, tooManyMails(0)],
  [0.005, { status: 500, body: '<html>oops</html>' }],
  [0.005, 'lose-answer'],
  [0.005, 'lose-call'],
  [0.003, 'hang'],
  [0.003, { status: 400, body: '{"errors":[]}' }],
  [0.005, { status: 401, body: '{"errors":[]}' }],
]
const hookFates: [number, Fate][] = [
  [0.01, { status: 500 }],
  [0.01, 'lose-answer'],
  [0.005, 'lose-call'],
  [0.003, 'keep-answer'],
  [0.003, 'hang'],
  [0.01, { status: 429, headers: { 'retry-after': '2' } }],
]

type Told = { record: ReturnType<typeof groupOf>[number]; token: string }

/** Companies, their news, and people who follow them. Returns the news in the order they come, and who is to hear what. */
async function settle(
  { database }: Installation,
  { companies: count, newsOfEach, people }: Storm,
  random: () => number,
  { slack, hookUrl }: { slack: Awaited<ReturnType<typeof startSlackServer>>; hookUrl: (path: string) => string },
): Promise<{ news: Told[]; heardAt: Map<string, Set<string>> }> {
  const source = await addSource(database)
  const companies: { id: number; tokens: string[]; groups: Told[][] }[] = []
  let made = 0
  for (let n = 0; n < count; n++) {
    const id = await addCompany(database, `Company ${n}`)
    const groups: Told[][] = []
    for (let left = newsOfEach; left > 0; left -= groups.at(-1)!.length)
      groups.push(
        groupOf(id, source, Math.min(left, 1 + Math.floor(random() * 5))).map((one) => {
          const token = `N${made++}N`
          const severity = random() < 0.1 ? 'critical' : random() < 0.5 ? 'warning' : 'info'
          return { token, record: { ...one, severity, title: `${token} rose`, message: 'It rose.' } }
        }),
      )
    companies.push({ id, groups, tokens: groups.flat().map(({ token }) => token) })
  }
  const heardAt = new Map<string, Set<string>>()
  async function add(followed: typeof companies, channels: Reach[]): Promise<void> {
    await addPerson(database, { companies: followed.map(({ id }) => id), channels })
    for (const { type, destination } of channels) {
      const place = `${type} ${destination}`
      const tokens = heardAt.get(place) ?? new Set()
      heardAt.set(place, tokens)
      for (const token of followed.flatMap((company) => company.tokens)) tokens.add(token)
    }
  }
  for (let n = 0; n < people; n++) {
    const followed = companies.filter((_, index) => index % people === n || (index + 1) % people === n)
    const channels: Reach[] = [{ type: 'EMAIL', destination: `person-${n}@example.com` }]
    // Two people to a channel, half of the channels by their ids.
    const room = Math.floor(n / 2)
    const id = slack.openRoom(`room-${room}`)
    const secretId = `team-${room % teams}`
    if (n % 3 !== 0) channels.push({ type: 'SLACK', destination: room % 2 === 0 ? `room-${room}` : id, secretId })
    if (n % 3 !== 1) channels.push({ type: 'WEBHOOK', destination: hookUrl(`/person-${n}`), secretId: 'hook' })
    await add(followed, channels)
  }
  slack.openRoom('archived', { isArchived: true })
  slack.openRoom('hanging')
  for (const [type, destination] of [
    ['SLACK', 'archived'],
    ['SLACK', 'hanging'],
    ['EMAIL', gone],
    ['WEBHOOK', hookUrl('/gone')],
  ] as const)
    await add(companies.slice(0, 3), [{ type, destination, ...(type === 'WEBHOOK' && { secretId: 'hook' }) }])
  const groups = companies.flatMap((company) => company.groups.map((group) => ({ group, at: random() })))
  return { heardAt, news: groups.sort((a, b) => a.at - b.at).flatMap(({ group }) => group) }
}

/** In how many of the texts each token is. Signatures of links may look like one. */
function countTokens(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts)
    for (const token of new Set(text.match(/N\d+N(?= rose)/g))) counts.set(token, (counts.get(token) ?? 0) + 1)
  return new Map([...counts].sort())
}

const once = (tokens: Set<string>) => new Map([...tokens].sort().map((token) => [token, 1]))

const deliveryOf = ({ headers }: { headers: Record<string, string> }) =>
  Number(/\.(\d+)@/.exec(headers['message-id'] ?? '')?.[1])

function pick<T>(at: number, fates: readonly [number, T][], calm: T): T {
  let sum = 0
  return fates.find(([share]) => at < (sum += share))?.[1] ?? calm
}
