import { expect, test, vi } from 'vitest'
import { addDelivery } from '../harness/edge/add-delivery.ts'
import { addLetter } from '../harness/edge/add-letter.ts'
import { signIn } from '../harness/edge/console.ts'
import { sendForm } from '../harness/edge/desk-site.ts'
import { keyboard } from '../harness/edge/keyboard.ts'
import { onlyRequestedRuns, startEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { startModule } from '../harness/module.ts'
import { quick } from '../harness/notifier/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine, and all services work behind it.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 300_000 })

test('an operator sets up an empty installation, mends what a source sends, a dead letter and a destination, and tries a rule: by keyboard alone', async () => {
  const edge = await startEdge()
  const env = { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8' }
  await Promise.all([
    edge.start('raw-sink'),
    edge.start('normalizer'),
    edge.start('analyzer'),
    edge.start('notifier', { ...quick, ...env }),
    edge.start('scheduler', { ...onlyRequestedRuns, ...env }),
  ])
  const { database } = edge
  await using module = await startModule(
    () => edge.url,
    { Source: 'github', Mappings: [{ SourceField: 'stars', DataType: 'int', MeasurementName: 'stars' }] },
    async (companies, feed) => {
      for (const company of Object.keys(companies)) await feed(company, { stars: 5, forks: 3 })
    },
  )

  const key = (await edge.apiKey('operator')).slice('Bearer '.length)
  const [{ name: me } = { name: '' }] = await database.query<{ name: string }>('SELECT name FROM edge.api_key')
  const { page, wrong, asked } = await openWatchedPage(edge.url)
  const { main, press, toggle, fill, waitUntil, forms } = keyboard(page)
  const sent = new Set<string>()
  const noteForms = async () => (await forms()).forEach((path) => sent.add(path))

  // Sign in.
  await page.goto(`${edge.url}/console/sign-in`)
  if (!(await main()).includes('It begins with parma_')) await toggle('Sign in with an API key')
  await fill('API key', key)
  await press('Sign in')
  await press('Desk')

  // Nothing is there yet: the desk leads. Add a source, and ask its module what it measures.
  expect(await main()).toContain('Add the first source')
  await press('Add a source')
  await noteForms()
  await fill('Name', 'github')
  await fill('Address of the module', module.endpoint)
  await press('Add it')
  await noteForms()
  const source = Number(/sources\/(\d+)/.exec(page.url())?.[1])
  await press('Do the handshake')
  expect(await main()).toContain('The handshake is done')
  await press('Go on to the source')

  // Run it about the first company, and see what its map does not know.
  await noteForms()
  await fill('New companies', 'Acme')
  await press('Add the companies')
  await press('Run now')
  await waitUntil(/forks\s+unknown path/)
  const idOf = async (table: 'company' | 'user') =>
    (await database.query<{ id: number }>(`SELECT id FROM "${table}"`))[0]!.id
  const acme = await idOf('company')

  // Let the first person hear of it. Nobody is led any further.
  await press('Now')
  await waitUntil('Let the first person hear of it')
  await press('Go to people')
  await noteForms()
  await fill('Name', 'Ann')
  await fill('E-mail address', `${unique('ann')}@example.com`)
  await press('Add')
  await waitUntil('Ann is added')
  await press('Ann')
  await noteForms()
  await fill('Company (id)', String(acme))
  await press('Let them follow it')
  await waitUntil(/Acme\s+Company/)
  const ann = await idOf('user')
  await press('Now')
  expect(await main()).not.toContain('Let the first person hear of it')
  await press('Sources')
  await press('github')

  // Try a map that knows it on what is stored, and put it in force.
  await press('Versions of its map')
  await press('Try a changed map')
  await noteForms()
  const [{ content } = { content: '' }] = await database.query<{ content: string }>(
    'SELECT content FROM edge.normalization_map WHERE data_source_id = $1',
    [source],
  )
  const map = JSON.parse(content) as { Mappings: object[] }
  const entry = { SourceField: 'forks', DataType: 'int', MeasurementName: 'forks' }
  await fill(
    'Map (JSON), or the answer of the module to /initialize',
    JSON.stringify({ ...map, Mappings: [...map.Mappings, entry] }),
  )
  await press('Compare')
  expect(await main()).toMatch(/forks\s+\+ added/)
  await noteForms()
  await press('Try it on stored documents')
  const tried = await waitUntil('Values that differ')
  expect(tried).toMatch(/forks\s+forks\s+1\s+0\s+0\s+0\s+0\s+nothing → 3/)
  expect(await violationsOf({ page, wrong, asked }, page.url().replace(/#.*/, ''))).toEqual([])
  await press('Back to the map, to decide about it')
  await fill('Why (for the audit log)', 'forks are new')
  await press('Activate this map')
  expect(await main()).toContain('is in force')

  // Replay what it mends.
  await press('Replays')
  await noteForms()
  await fill('Source', 'github')
  await fill('What to do', 'Fill')
  await press('Count the payloads')
  await noteForms()
  await fill('Why', 'forks were not stored')
  await press('Fill what is missing: 1 payload')
  await waitUntil(/done|ended|complete/i)
  const forks = () =>
    database.query('SELECT number, company_id FROM normalizer.value WHERE data_source_id = $1 AND path = $2', [
      source,
      'forks',
    ])
  await waitFor('the value that was missing', async () => (await forks()).length > 0)
  expect(await forks()).toEqual([{ number: 3, company_id: acme }])

  // Inspect a dead letter, and send it mended.
  const { letter_no } = await addLetter(edge, source, { stars: 'mäny' })
  await press('Dead letters')
  await press(/^\d+ \w+ \d{4}, /)
  expect(await main()).toContain('it was another one')
  await noteForms()
  await press('Mend it …')
  await noteForms()
  await fill('Body, JSON', JSON.stringify({ source_name: 'github', company_id: String(acme), raw_data: { stars: 8 } }))
  await fill('Why', 'the module sent a text')
  await press('Send the mended record')
  await waitUntil('mended')
  await waitFor('its value', async () => {
    const stored = await database.query('SELECT FROM normalizer.value WHERE path = $1 AND number = 8', ['stars'])
    return stored.length === 1
  })

  // Test a parked destination, and unpark another one.
  const parked = [`${unique('full')}@example.com`, `${unique('gone')}@example.com`] as const
  const destinations = await Promise.all(
    parked.map(async (address) => {
      const { destination } = await addDelivery(database, { address, person: { id: ann, name: 'Ann' } })
      await database.query(
        `UPDATE notifier.destination SET parked_at = now(), parked_reason = 'mailbox is full' WHERE destination_id = $1`,
        [destination],
      )
      return destination
    }),
  )
  await press('Deliveries')
  await noteForms()
  await press(`Test or unpark ${parked[0]}`)
  await noteForms()
  await press('Send a test message')
  await waitFor('the test message', async () => (await mailsTo(parked[0])).length > 0)
  await press('Deliveries')
  await press(`Test or unpark ${parked[1]}`)
  await press('Unpark it')
  await waitUntil('It is open again')
  const stillParked = () =>
    database.query('SELECT FROM notifier.destination WHERE destination_id = ANY($1) AND parked_at IS NOT NULL', [
      destinations,
    ])
  await waitFor('both are open', async () => (await stillParked()).length === 0)

  // Try a rule on 12 months, and save it.
  const facts = storeFacts(edge)
  const visits = await facts.addMeasurement(await edge.addSource('site'), 'visits')
  await facts.addSeries(
    acme,
    visits,
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [7 * (39 - n), n % 10 === 9 ? 200 : 100])),
  )
  await press('Rules')
  await press('Write the first rule')
  await noteForms()
  await fill('Name', 'Visits leap')
  await fill('Percent, amount or level', '50')
  await fill('Direction of a change', 'Up')
  await fill('Measurement', 'visits')
  await press('Try it on 12 months')
  expect(await waitUntil('news items')).toMatch(/[34] news items/)
  await noteForms()
  await press('Save the rule')
  await waitUntil('Saved as rule/1.')

  // The audit shows all of it, under their name.
  await press('Audit')
  const shown = await main()
  const rows = await database.query<{ kind: string }>(
    `SELECT kind FROM edge.audit WHERE actor = $1 UNION ALL SELECT kind FROM scheduler.audit WHERE actor = $1
     UNION ALL SELECT kind FROM normalizer.audit WHERE actor = $1 UNION ALL SELECT kind FROM notifier.audit WHERE actor = $1
     UNION ALL SELECT kind FROM analyzer.audit WHERE actor = $1`,
    [`key:${me}`],
  )
  const kinds = rows.map(({ kind }) => kind)
  const expected = [
    ...[
      'edge.source.add',
      'edge.map.handshake',
      'edge.company.add',
      'scheduler.run',
      'notifier.person.add',
      'notifier.follow.add',
      'normalizer.map.try',
      'edge.map.activate',
      'normalizer.replay.start',
    ],
    ...['edge.dlq.mend', 'notifier.destination.test', 'notifier.destination.unpark', 'analyzer.rule.save'],
  ]
  expect(kinds).toEqual(expect.arrayContaining(expected))
  for (const kind of expected) expect(shown).toContain(kind)
  expect(shown.match(new RegExp(me, 'g'))!.length).toBeGreaterThanOrEqual(expected.length)
  expect(wrong).toEqual([])

  // A viewer can do none of it.
  const viewer = await signIn(edge, { key: 'viewer' })
  expect(sent.size).toBeGreaterThan(10)
  const before = await Promise.all([forks(), database.query('SELECT count(*) FROM edge.audit')])
  for (const path of sent) {
    const answer = await sendForm(edge.url, path, { fields: {}, cookie: viewer })
    expect([path, answer.status]).toEqual([path, 403])
  }
  expect(await Promise.all([forks(), database.query('SELECT count(*) FROM edge.audit')])).toEqual(before)
  expect((await fetch(`${edge.url}/console/dead-letters/${letter_no}`, { headers: { cookie: viewer } })).status).toBe(
    403,
  )
})
