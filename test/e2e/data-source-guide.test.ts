import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { isFree } from '../../deploy/local/free-port.ts'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { renderStackEnv } from '../../deploy/local/stack-env.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { listDocuments } from '../harness/counts.ts'
import { createInstallation } from '../harness/installation.ts'
import { stackEnv } from '../harness/stack.ts'
import { startServices } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const page = readFileSync(join(root, 'services/miner-npm/README.md'), 'utf8')
const [, file = '', code = ''] = /```js file=(\S+)\n(.*?)```/s.exec(page) ?? []
const steps = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, step = '']) => step)

test('whoever follows the page gets values from the module on it', async () => {
  for (const port of [24300, 24310, 24390])
    expect(await isFree(port), `port ${port}, which the page uses, is taken`).toBe(true)
  const installation = await createInstallation()
  const { database, env } = installation
  const services = await startServices(installation)

  const folder = mkdtempSync(join(tmpdir(), 'parma-guide-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  for (const name of ['node_modules', 'schemas', 'services', 'package.json'])
    symlinkSync(join(root, name), join(folder, name))
  writeFileSync(join(folder, file), code)
  const own = {
    ...Object.fromEntries(Object.keys(stackEnv()).map((name) => [name, env[name] ?? ''])),
    ...{ EDGE_URL: services.edge.url, TOPIC_PREFIX: env.TOPIC_PREFIX ?? '' },
    ...Object.fromEntries(
      Object.entries(services).map(([name, { healthUrl }]) => [
        `${name.toUpperCase().replace('-', '_')}_HEALTH_URL`,
        healthUrl,
      ]),
    ),
  }
  const stackFile = join(folder, 'stack.env')
  writeFileSync(stackFile, renderStackEnv(own))

  const shell = openShell(folder, { PATH: process.env.PATH, PARMA_STACK_ENV: stackFile })
  expect(steps.length).toBeGreaterThan(2)
  const printed: string[] = []
  for (const step of steps.slice(0, -1)) printed.push(await shell.run(step))
  expect(printed.join('')).toContain('No defect found.')
  expect(printed.join('')).toContain('not-a-number')
  const values = await waitFor(
    'the values of the module',
    async () => {
      const rows = await database.query<{ path: string; n: number; number: number | null }>(
        `SELECT path, count(*)::int AS n, max(number) AS number FROM normalizer.value GROUP BY path`,
      )
      return rows.length > 0 && Object.fromEntries(rows.map(({ path, n, number }) => [path, { n, number }]))
    },
    60_000,
  )
  const entries = readdirSync(join(folder, 'schemas')).length
  expect(values).toMatchObject({
    id: { n: 1 },
    entry_count: { n: 1, number: entries },
    'entries[].name': { n: entries },
    'entries[].size': { n: entries },
    'entries[].changed_at': { n: entries },
  })
  const documents = () => listDocuments({ ...installation, source: 'folders' })
  await waitFor('its raw document', async () => (await documents()).length === 1)
  const status = await shell.run(steps.at(-1) ?? '')
  expect(status).toMatch(/^folders .*UP/m)
  await shell.run('kill $MODULE_PID')
  expect(await shell.close()).toBe(0)
}, 180_000)

/** A shell to type into, which stops at the first command that fails. */
function openShell(cwd: string, env: NodeJS.ProcessEnv) {
  const shell = spawn('sh', ['-e'], { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(shell, 'close').then(([exitCode]) => exitCode as number | null)
  let printed = ''
  for (const output of [shell.stdout, shell.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (printed += text))
  onCleanup(async () => {
    // The whole process group, with the module that it started.
    if (shell.exitCode === null && shell.pid) sendSignal(-shell.pid, 'SIGKILL')
    await ended
  })
  return {
    /** Types `step` and returns its output. */
    async run(step: string): Promise<string> {
      const from = printed.length
      const mark = `done ${from}`
      shell.stdin.write(`${step}\necho '${mark}'\n`)
      await waitFor(
        `the shell to be done with\n${step}`,
        () => {
          if (shell.exitCode !== null) return 'ended'
          return printed.includes(mark, from)
        },
        90_000,
      )
      const output = printed.slice(from)
      if (!output.includes(mark)) throw new Error(`the shell ended in\n${step}\nafter it printed\n${output}`)
      return output
    },
    async close(): Promise<number | null> {
      shell.stdin.end()
      return ended
    },
  }
}
