import { expect, test } from 'vitest'
import { waitForAll } from './start-up.ts'

/** A process that becomes healthy, or fails, when the test says so. */
function startable(name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { name, waitUntilHealthy: () => promise, resolve, reject }
}

test('says again and again what it still waits for', async () => {
  const [kafka, postgres] = [startable('kafka'), startable('postgres')]
  const said: string[] = []
  let hear = (_: string) => {}
  const done = waitForAll('servers', [kafka, postgres], (text) => (said.push(text), hear(text)), 5)
  const hears = (wanted: string) =>
    new Promise<void>((heard) => (hear = (text) => void (text.endsWith(wanted) && heard())))
  await hears('s: kafka, postgres')
  kafka.resolve()
  await hears('s: postgres')
  postgres.resolve()
  await done
  expect(said[0]).toBe('starting the servers')
  expect(said.at(-1)).toMatch(/^the servers are up after \d+\.\d s$/)
})

test('fails with the first process that does not start, and says no more', async () => {
  const broken = startable('kafka')
  const said: string[] = []
  const done = waitForAll('servers', [broken, startable('postgres')], (text) => said.push(text), 5)
  broken.reject(new Error('kafka does not start'))
  await expect(done).rejects.toThrow('kafka does not start')
  expect(said).toEqual(['starting the servers'])
})
