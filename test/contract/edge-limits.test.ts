import { beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { mintToken } from '../../services/runtime/web/token.ts'
import { routeTable } from '../harness/edge/route-table.ts'
import { type Answer, startEdge, type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
let source = 0

beforeAll(async () => {
  edge = await startEdge()
  source = await edge.addSource('github')
})

describe('every route, with each kind of credentials', () => {
  const routes = routeTable()
  /** Kind → the header; null: none. */
  const kinds: Record<string, string | null> = { none: null, garbage: 'Bearer x', basic: 'Basic dXNlcjpwYXNz' }

  beforeAll(async () => {
    const { secrets } = edge
    const stale = { sourceId: source, jti: 'j', now: Date.now() - 120_000, lifetimeSeconds: 60 }
    const forged = { shared: secrets.shared, analytics: 'x'.repeat(32) }
    Object.assign(kinds, {
      token: await edge.token(source),
      'expired token': `Bearer ${await mintToken(stale, secrets)}`,
      'forged token': `Bearer ${await mintToken({ ...stale, now: Date.now() }, forged)}`,
      viewer: await edge.apiKey('viewer'),
      operator: await edge.apiKey('operator'),
      'expired key': await edge.apiKey('operator', { expires_at: '2020-01-01T00:00:00Z' }),
      'revoked key': await edge.apiKey('operator', { revoked_at: '2020-01-01T00:00:00Z' }),
      'unknown key': `Bearer parma_${'x'.repeat(43)}`,
    })
  })

  const lets: Record<string, { in: string[]; forbids: string[] }> = {
    anyone: { in: ['none', 'garbage', 'viewer'], forbids: [] },
    'maybe-source': { in: ['none', 'token'], forbids: [] },
    source: { in: ['token'], forbids: [] },
    feeder: { in: ['token'], forbids: [] },
    viewer: { in: ['viewer', 'operator'], forbids: [] },
    operator: { in: ['operator'], forbids: ['viewer'] },
    'viewer-or-source': { in: ['token', 'viewer', 'operator'], forbids: [] },
  }

  const isPage = (role: string) => ['person', 'desk', 'maybe-person'].includes(role)
  // The link is the credential, so these need none and are still not open.
  const signed = ['/why/:news_id', '/charts/:picture']
  const asking = routes.filter(({ path, role }) => !signed.includes(path) && !isPage(role))
  test.each(asking.map(({ method, path, role }) => [method.toUpperCase(), path, role]))(
    '%s %s is for %s',
    async (method, path, role) => {
      const rule = lets[role]
      if (!rule) throw new Error(`no rule for role ${role}`)
      const wrong: unknown[] = []
      for (const [kind, token] of Object.entries(kinds)) {
        const { status } = await edge.call(path.replaceAll(/:\w+/g, '1'), { method, ...(token !== null && { token }) })
        const isWrong =
          role === 'anyone' || rule.in.includes(kind)
            ? status === 401 || status === 403
            : status !== (rule.forbids.includes(kind) ? 403 : 401)
        if (isWrong) wrong.push([kind, status])
      }
      expect(wrong).toEqual([])
    },
  )

  const pages = routes.filter(({ role }) => isPage(role))
  test.each(pages.map(({ method, path, role }) => [method.toUpperCase(), path, role]))(
    '%s %s is for %s: what programs send opens no page, and changes nothing',
    async (method, path, role) => {
      const answers = new Set<number>()
      for (const token of Object.values(kinds)) {
        const headers: Record<string, string> = token === null ? {} : { authorization: token }
        const url = edge.url + path.replaceAll(/:\w+/g, '1')
        answers.add((await fetch(url, { method, headers, redirect: 'manual' })).status)
      }
      const [answer, ...others] = answers
      expect(others).toEqual([])
      if (method === 'POST') expect(answer).toBe(403)
      else if (role === 'person' || role === 'desk') expect(answer).toBe(303)
      else expect(answer).toBeLessThan(500)
    },
  )

  test('the use of a key is recorded, and a revoked key is rejected', async () => {
    const other = await edge.replica({ API_KEY_CACHE_MS: '0' })
    const token = await edge.apiKey('viewer')
    const look = () => other.call('/api/v1/events/x', { token })
    expect((await look()).status).toBe(422)
    const hint = token.slice('Bearer '.length, 'Bearer '.length + 10)
    const [used] = await edge.database.query(
      'SELECT abs(extract(epoch FROM now() - last_used_at)) < 60 AS now FROM edge.api_key WHERE hint = $1',
      [hint],
    )
    expect(used).toEqual({ now: true })
    await edge.database.query('UPDATE edge.api_key SET revoked_at = now() WHERE hint = $1', [hint])
    const { status, json } = await look()
    expect([status, json['detail'], json['remedy']]).toEqual([
      401,
      'This API key is revoked.',
      expect.stringContaining('parma keys create'),
    ])
  })
})

describe('too many requests', () => {
  let small: TestEdge
  const limits = {
    TRUST_PROXY: '1',
    RATE_LIMIT_ANONYMOUS: '3',
    RATE_LIMIT_SOURCE: '4',
    RATE_LIMIT_API_KEY: '3',
    RATE_LIMIT_REFUSED: '3',
    RATE_LIMIT_HANDSHAKE: '2',
  }

  beforeAll(async () => {
    small = await edge.replica(limits)
  })

  const many = async (times: number, call: () => Promise<Answer>) => {
    const answers: Answer[] = []
    for (let n = 0; n < times; n++) answers.push(await call())
    return answers
  }
  const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)
  const from = (address: string) => ({ 'x-forwarded-for': address })

  function expectRefused(answer: Answer | undefined, limit: number) {
    expect(answer?.status).toBe(429)
    const wait = Number(answer?.headers.get('retry-after'))
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(60)
    expect(answer?.headers.get('ratelimit-policy')).toBe(`${limit};w=60`)
    expect(['limit', 'remaining'].map((name) => answer?.headers.get(`ratelimit-${name}`))).toEqual([`${limit}`, '0'])
  }

  test('of one address without credentials are rejected, per route', async () => {
    const answers = await many(4, () => small.call('/schedule', { headers: from('192.0.2.1') }))
    expect(statuses(answers)).toEqual([200, 200, 200, 429])
    expect(answers[0]?.headers.get('ratelimit-remaining')).toBe('2')
    expectRefused(answers[3], 3)
    expect(answers[3]?.json).toEqual({ detail: 'Too many requests without credentials: at most 3 per minute.' })
    expect((await small.call('/', { headers: from('192.0.2.1') })).status).toBe(200)
    expect((await small.call('/schedule', { headers: from('192.0.2.2') })).status).toBe(200)
    // What a caller writes before the proxy's own entry is ignored.
    expect((await small.call('/schedule', { headers: from('192.0.2.9, 192.0.2.1') })).status).toBe(429)
    // A handshake without a header counts as one of them, one with a token does not.
    const handshake = (token?: string) =>
      small.call('/handshake?invocation_endpoint=x&data_source_id=0', {
        headers: from('192.0.2.3'),
        ...(token && { token }),
      })
    expect(statuses(await many(4, handshake))).toEqual([403, 403, 403, 429])
    expect((await handshake(await small.token(source))).status).toBe(403)
  })

  test('of one IPv6 network count together', async () => {
    const answers = []
    for (const host of ['1', '2', '3:4', 'ffff'])
      answers.push(await small.call('/schedule', { headers: from(`2001:db8:0:1::${host}`) }))
    expect(statuses(answers)).toEqual([200, 200, 200, 429])
  })

  test('with tokens of one source are rejected, whatever tokens and addresses', async () => {
    const [one, other] = [await small.addSource('one'), await small.addSource('two')]
    const look = async (id: number) => small.call('/source-measurement', { token: await small.token(id) })
    const answers = await many(5, () => look(one))
    expect(statuses(answers)).toEqual([200, 200, 200, 200, 429])
    expectRefused(answers[4], 4)
    expect((await look(other)).status).toBe(200)
  })

  test('handshakes of one source are rejected, and none of another source; a wrong address counts for nothing', async () => {
    const closed = 'http://127.0.0.1:1'
    const [one, other] = [await small.addSource('shaken', closed), await small.addSource('still', closed)]
    let addresses = 0
    const shake = (id: number, endpoint = closed) => {
      const query = new URLSearchParams({ invocation_endpoint: endpoint, data_source_id: String(id) })
      return small.call(`/handshake?${query}`, { headers: from(`198.51.100.${++addresses}`) })
    }
    expect(statuses(await many(3, () => shake(one, 'http://elsewhere.example')))).toEqual([403, 403, 403])
    const answers = await many(3, () => shake(one))
    expect(statuses(answers)).toEqual([502, 502, 429])
    expectRefused(answers[2], 2)
    expect(answers[2]?.json).toEqual({ detail: 'Too many handshakes of one data source: at most 2 per minute.' })
    expect((await shake(other)).status).toBe(502)
  })

  test('with one API key are rejected, as a problem', async () => {
    const [token, other] = [await small.apiKey('viewer'), await small.apiKey('viewer')]
    const look = (key: string) => small.call('/api/v1/events/x', { token: key, headers: from('192.0.2.4') })
    const answers = await many(4, () => look(token))
    expect(statuses(answers)).toEqual([422, 422, 422, 429])
    expectRefused(answers[3], 3)
    expect(answers[3]?.headers.get('content-type')).toBe('application/problem+json')
    expect(answers[3]?.json).toMatchObject({
      type: 'urn:parma:problem:too-many-requests',
      detail: 'Too many requests with one API key: at most 3 per minute.',
    })
    expect((await look(other)).status).toBe(422)
  })

  test('with invalid credentials are rejected, and lock out no module and no known key', async () => {
    const headers = from('192.0.2.5')
    const guess = () => small.call('/source-measurement', { token: 'Bearer x', headers })
    const answers = await many(4, guess)
    expect(statuses(answers)).toEqual([401, 401, 401, 429])
    expectRefused(answers[3], 3)
    const third = await small.addSource('third')
    const good = await small.call('/source-measurement', { token: await small.token(third), headers })
    expect(good.status).toBe(200)
    const strange = await small.call('/api/v1/events/x', { token: `Bearer parma_${'x'.repeat(43)}`, headers })
    expectRefused(strange, 3)
    // A key made after the list of keys was read is known when the list is read again.
    const token = await small.apiKey('viewer')
    await waitFor('the new key', async () => (await small.call('/api/v1/events/x', { token, headers })).status === 422)
  })

  test('are accepted if the limits are off', async () => {
    const off = Object.fromEntries(Object.keys(limits).map((name) => [name, '0']))
    const open = await edge.replica(off)
    const answers = await many(10, () => open.call('/schedule'))
    expect(new Set(statuses(answers))).toEqual(new Set([200]))
    expect(answers[0]?.headers.get('ratelimit-limit')).toBeNull()
  })

  test('are counted by X-Forwarded-For only behind a configured proxy', async () => {
    const left = async (address: string) => {
      const { headers } = await edge.call('/schedule', { headers: from(address) })
      return Number(headers.get('ratelimit-remaining') ?? Number.NaN)
    }
    // A retry is needed only if a minute ends in between.
    await waitFor(
      'two addresses to count as one',
      async () => (await left('192.0.2.6')) - 1 === (await left('192.0.2.7')),
    )
  })
})

describe('too many bytes of one source in a day', () => {
  const limit = 100_000
  const feed = async (at: TestEdge, id: number, bytes: number) =>
    at.call('/feed-raw-data', {
      token: await at.token(id),
      body: { source_name: `bytes-${id}`, company_id: '1', raw_data: { text: 'x'.repeat(bytes) } },
    })

  test('are 429 until midnight, over all edges and their restarts, and are told once', async () => {
    const [id, other] = [await edge.addSource('bytes'), await edge.addSource('bytes-other')]
    await edge.database.query(`UPDATE data_source SET source_name = 'bytes-' || id WHERE id IN ($1, $2)`, [id, other])
    const settings = { MAX_SOURCE_BYTES_PER_DAY: String(limit) }
    const first = await edge.start('edge', settings)
    const one = useEdge(edge, first.url)
    expect((await feed(one, id, 60_000)).status).toBe(201)
    // Adds its counts on the way out.
    expect(await first.stop()).toBe(0)
    const [second, third] = [await edge.replica(settings), await edge.replica(settings)]
    for (const at of [second, third]) {
      const refused = await feed(at, id, 60_000)
      expect([refused.status, refused.json['detail']]).toEqual([
        429,
        `Data source ${id} may send ${limit} bytes per day (UTC), and this body exceeds them.`,
      ])
      const midnight = Math.ceil((86_400_000 - (Date.now() % 86_400_000)) / 1000)
      expect(Math.abs(Number(refused.headers.get('retry-after')) - midnight)).toBeLessThan(60)
    }
    expect((await feed(second, id, 20_000)).status).toBe(201)
    expect((await feed(second, other, 60_000)).status).toBe(201)
    const task = await edge.addTask(id)
    const errors = { 1: { error_type: 'x'.repeat(60_000), error_description: null } }
    const finished = { token: await edge.token(id), body: { task_id: task, errors } }
    // Ends have as much room again: a task that does not end is crawled once more.
    expect((await second.call('/crawling-finished', finished)).status).toBe(201)
    expect((await second.call('/crawling-finished', finished)).status).toBe(429)
    await waitFor('both to have added their counts', async () => {
      const rows = await edge.database.query<{ bytes: string }>(
        'SELECT sum(bytes) AS bytes FROM edge.source_bytes WHERE data_source_id = $1 AND told_at IS NOT NULL',
        [id],
      )
      return Number(rows[0]?.bytes) > 80_000
    })
    const told = await waitFor('the event', async () => {
      const events = (await edge.records(topics.opsEvents)).filter(({ decoded }) => decoded.kind === 'source-bytes')
      return events.length > 0 && events
    })
    expect(told.map(({ decoded }) => decoded)).toMatchObject([
      { data_source_id: id, message: expect.stringContaining('429'), facts: { max_bytes: String(limit) } },
    ])
  })
})
