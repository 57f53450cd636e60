import { beforeAll, describe, expect, test } from 'vitest'
import { isoWeek } from '#runtime/text/periods.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { topics } from '../../schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
beforeAll(async () => {
  edge = await startEdge()
})

test('COMPATIBILITY_ROUTES=false removes the routes without a token', async () => {
  const { url } = await edge.start('edge', { COMPATIBILITY_ROUTES: 'false' })
  for (const path of ['/schedule', '/weekly-reports', '/notification-rules'])
    expect([path, (await fetch(url + path)).status]).toEqual([path, 404])
  expect((await fetch(`${url}/crm-companies`, { method: 'POST', body: '"user_id: 1"' })).status).toBe(404)
  expect((await fetch(`${url}/handshake?data_source_id=1&invocation_endpoint=http://module.example`)).status).toBe(401)
})

describe('GET /weekly-reports', () => {
  test('requests the reports of the week, the same ones at each call', async () => {
    for (let times = 0; times < 3; times++) {
      const { status, text, headers } = await edge.call('/weekly-reports')
      expect([status, text, headers.get('content-type')]).toEqual([200, 'Weekly reports sent successfully', null])
    }
    const records = await edge.records(topics.triggers)
    expect(records.map(({ key, decoded }) => [key, decoded.kind])).toEqual(
      Array(3).fill(['weekly_report', 'weekly_report']),
    )
    // One week, unless it changed in between.
    const weeks = new Set(records.map(({ decoded }) => isoWeek(decoded.requested_at)))
    expect(new Set(records.map(({ headers }) => headers['event_id'])).size).toBe(weeks.size)
    expect(records.map(({ decoded }) => decoded.event_id)).toEqual(records.map(({ headers }) => headers['event_id']))
  })

  test('is ignored by the scheduler, and fails nowhere', async () => {
    const [scheduler, notifier] = [await edge.start('scheduler', { TICK_SECONDS: '600' }), await edge.start('notifier')]
    await edge.call('/weekly-reports')
    await edge.call('/schedule')
    const asked = (await edge.records(topics.triggers)).filter(({ decoded }) => decoded.kind === 'weekly_report')
    await waitFor('all triggers to be taken', async () => {
      const metrics = await (await fetch(`${scheduler.healthUrl}/metrics`)).text()
      const taken = (outcome: string) =>
        Number(
          new RegExp(
            `parma_messages_consumed_total{topic="[^"]*sourcing.triggers.v1",outcome="${outcome}"} (\\d+)`,
          ).exec(metrics)?.[1] ?? 0,
        )
      return taken('drop') >= asked.length && taken('ok') >= 1
    })
    for (const { healthUrl } of [scheduler, notifier]) expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200)
    expect(await edge.topics.read(`${topics.triggers.name}.scheduler.dlq`)).toEqual([])
  })
})

describe('GET /notification-rules', () => {
  const rules = () =>
    edge.database.query(
      `SELECT d.source_name, m.measurement_name, r.rule_name, r.threshold, r.aggregation_method, r.num_aggregation_entries AS entries
       FROM notification_rules r JOIN source_measurement m ON m.id = r.source_measurement_id
       JOIN data_source d ON d.id = m.source_module_id ORDER BY r.rule_id`,
    )
  const addMeasurement = async (source: number, name: string, type: string) => {
    const [row] = await edge.database.query<{ id: number }>(
      `INSERT INTO source_measurement (source_module_id, measurement_name, type, modified_at) VALUES ($1, $2, $3, now()) RETURNING id`,
      [source, name, type],
    )
    return row?.id ?? 0
  }

  test('seeds each measurement once, and keeps what people did to its rules', async () => {
    const [github, discord, other] = [
      await edge.addSource('github'),
      await edge.addSource('discord'),
      await edge.addSource('other'),
    ]
    await addMeasurement(github, 'Total Repository Stars', 'int')
    await addMeasurement(github, 'repository size', 'Float')
    await addMeasurement(github, 'repository watchers count', 'text')
    const own = await addMeasurement(github, 'repository forks', 'int')
    await addMeasurement(discord, 'server member count', 'int')
    await addMeasurement(other, 'repository size', 'int')
    const insert = `INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, modified_at) VALUES ('mine', $1, 1, now())`
    await edge.database.query(insert, [own])

    const answers = await Promise.all(Array.from({ length: 5 }, () => edge.call('/notification-rules')))
    for (const { status, text, headers } of answers)
      expect([status, text, headers.get('content-type')]).toEqual([200, 'Rules table updated', null])
    const rule = (source_name: string, measurement_name: string, threshold: number, method: string | null) => ({
      ...{ source_name, measurement_name, rule_name: measurement_name, threshold },
      ...{ aggregation_method: method, entries: method && 10 },
    })
    const [mine, ...seeded] = await rules()
    expect(mine).toMatchObject({ rule_name: 'mine' })
    expect(seeded).toEqual([
      rule('github', 'Total Repository Stars', 10, 'AVG'),
      rule('github', 'repository size', 15, null),
      rule('discord', 'server member count', 10, 'AVG'),
    ])
    const [times] = await edge.database.query(
      `SELECT bool_and(abs(extract(epoch FROM created_at - now() AT TIME ZONE 'UTC')) < 60 AND modified_at = created_at) AS utc
       FROM notification_rules WHERE rule_name <> 'mine'`,
    )
    expect(times).toEqual({ utc: true })

    await edge.database.query(
      `UPDATE notification_rules SET threshold = 99, rule_name = 'changed' WHERE threshold = 15`,
    )
    await edge.database.query(`DELETE FROM notification_rules WHERE rule_name IN ('server member count', 'mine')`)
    await addMeasurement(github, 'repository stars', 'int')
    expect(JSON.parse(await edge.parma('rules', 'seed', '--json'))).toEqual({ added: 1 })
    expect((await edge.call('/notification-rules')).status).toBe(200)
    expect(await rules()).toEqual([
      rule('github', 'Total Repository Stars', 10, 'AVG'),
      { ...rule('github', 'repository size', 99, null), rule_name: 'changed' },
      rule('github', 'repository stars', 10, 'AVG'),
    ])
  })
})

test('a source whose name no collection can have is 409, before anything is stored', async () => {
  const endpoint = 'http://127.0.0.1:9'
  for (const name of ['Bad Name', 'a/b', '__all__', 'x'.repeat(201)]) {
    const source = await edge.addSource(name, endpoint)
    const [token, body] = [await edge.token(source), { source_name: name.slice(0, 200), company_id: '1', raw_data: {} }]
    const detail = expect.stringContaining('only a-z, 0-9, _ and - are allowed')
    for (const answer of [
      await edge.handshake(endpoint, source),
      ...(name.length > 200 ? [] : [await edge.call('/feed-raw-data', { token, body })]),
    ])
      expect([name, answer.status, answer.json['detail']]).toEqual([name, 409, detail])
  }
  expect(await edge.topics.read(topics.rawPayloads.name)).toEqual([])
})

test('the predecessor’s environment starts an edge: POSTGRES_* and PORT, whatever characters the password has', async () => {
  const [name, password] = [`Odd user @ ${edge.database.name}`, 'p@ss:w/o?r#d% ü"\'']
  const { hostname, port } = new URL(edge.database.url)
  await edge.database.query(`CREATE ROLE "${name}" LOGIN SUPERUSER PASSWORD '${password.replaceAll("'", "''")}'`)
  onCleanup(async () => void (await edge.database.query(`DROP ROLE "${name}"`)))
  const PORT = String(await findFreePort())
  const older = await edge.start('edge', {
    ...{ DATABASE_URL: undefined, EDGE_PORT: undefined, PORT, CHATGPT_API_KEY: 'sk-secret' },
    ...{ POSTGRES_HOST: hostname, POSTGRES_PORT: port, POSTGRES_USER: name },
    ...{ POSTGRES_PASSWORD: password, POSTGRES_DB: edge.database.name },
  })
  const source = await edge.addSource('older')
  const body = { type: 'int', measurement_name: 'a', source_module_id: source }
  const headers = { authorization: await edge.token(source), 'content-type': 'application/json' }
  const answer = await fetch(`http://127.0.0.1:${PORT}/source-measurement`, {
    ...{ method: 'POST', headers, body: JSON.stringify(body) },
  })
  expect([answer.status, await answer.json()]).toEqual([201, expect.objectContaining({ id: expect.any(Number) })])
  expect(older.logs()).toMatch(/"variable":"CHATGPT_API_KEY".*"msg":"variable_without_effect"/)
  expect(older.logs()).not.toContain('sk-secret')
  await older.stop()
})
