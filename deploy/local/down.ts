// Stops the local stack; its data stays.
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultDir } from './config.ts'
import { stopStack } from './stop.ts'

const { values } = parseArgs({ options: { dir: { type: 'string', default: defaultDir } } })
const stopped = await stopStack(values.dir)
const processes = stopped.length === 1 ? '1 process' : `${stopped.length} processes`
console.log(
  stopped.length > 0 ? `stopped ${processes}; the data stays in ${relative('.', values.dir)}` : 'nothing was running',
)
