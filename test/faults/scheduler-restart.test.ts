import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createInstallation } from '../harness/installation.ts'
import { takeDown } from '../harness/outage.ts'
import { waitFor } from '../harness/wait-for.ts'
import { addSource, type Answer, finishTask, readTasks, startModule } from '../harness/scheduler/setup.ts'

const downMs = 5000
const settings = {
  ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8',
  ...{ TICK_SECONDS: '1', FIRST_RUN_UNMAPPED_SECONDS: '0', FIRST_RUN_QUIET_SECONDS: '0' },
  ...{ MAX_ATTEMPTS: '9', RETRY_BACKOFF_SECONDS: '1', MODULE_RUNS_AT_ONCE: '100', SETTLE_SECONDS: '1' },
}

test('Postgres dies in the middle of claims and comes back: each source has run once, and the next run is planned', async () => {
  const installation = await createInstallation()
  const { database } = installation
  const sources: number[] = []
  const answers = Array.from({ length: 40 }, (_, n): [string, Answer] => [
    `n${n}/companies`,
    ({ body }, response) => {
      void finishTask(installation, sources[n] ?? 0, (body as { task_id: number }).task_id)
      response.end('{}')
    },
  ])
  const module = await startModule(Object.fromEntries(answers))
  for (let n = 0; n < answers.length; n++) {
    const columns = { source_name: 'affinity', is_active: false, max_run_seconds: 30 }
    sources.push(await addSource(database, { ...columns, invocation_endpoint: `${module.endpoint}n${n}` }))
  }
  await Promise.all([installation.start('scheduler', settings), installation.start('scheduler', settings)])

  await database.query('UPDATE data_source SET is_active = true')
  await waitFor('the first call', () => module.calls.length > 0)
  const bringBack = takeDown('postgres')
  await delay(downMs)
  await bringBack()
  for (const [n, source] of sources.entries()) {
    const [task, ...later] = await waitFor(`the end of run ${n}`, async () => {
      const tasks = await readTasks(database, source)
      expect(tasks).toMatchObject([{ status: 'SUCCESS', outcome: 'ok', reason: null }, { status: 'PENDING' }])
      return tasks
    })
    expect(later).toMatchObject([{ attempts: 0, schedule_type: 'REGULAR' }])
    // A claim with a lost answer costs an attempt; no module is called twice.
    expect(task?.claim_token).toBe(task?.attempts)
    const calls = module.calls.filter(({ route }) => route === `n${n}/companies`)
    expect(calls.length).toBeGreaterThan(0)
    expect(calls.length).toBeLessThanOrEqual(task?.attempts ?? 0)
  }
})
