// Starts the local stack with all services, unless it runs. The options are for other stacks than that of `make up`.
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultDir, programs, type ProgramName } from './config.ts'
import type { SetupStep } from './setup.ts'
import { ensureStack } from './stack.ts'
import { stackEnvFile } from './stack-env.ts'

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: defaultDir },
    services: { type: 'string', default: programs.join(',') },
    setup: { type: 'string', default: 'public-schema,migrate,topics' },
    'free-ports': { type: 'boolean', default: false },
  },
})
const split = (list: string) => list.split(',').filter((name) => name !== '' && name !== 'none')

try {
  const startedAt = performance.now()
  const { stack, wasRunning } = await ensureStack({
    dir: values.dir,
    ports: values['free-ports'] ? 'free' : 'settings',
    services: split(values.services) as ProgramName[],
    setup: split(values.setup) as SetupStep[],
    withParent: false,
    say: (text) => console.log(`  ${text}`),
  })
  if (wasRunning) console.log('the stack is already running, nothing to do')
  else console.log(`the stack is up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  const { EDGE_URL, MAILBOX_URL, SLACK_OUTBOX_URL } = stack.env()
  console.log(`  edge           ${EDGE_URL}`)
  console.log(`  mails          ${MAILBOX_URL}`)
  console.log(`  Slack posts    ${SLACK_OUTBOX_URL}`)
  console.log(`  all addresses  ${relative('.', stackEnvFile(values.dir))}`)
  console.log(`  logs           ${relative('.', values.dir)}/log/`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
