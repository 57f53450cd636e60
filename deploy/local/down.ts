// Stops the local stack; its data stays.
import { parseArgs } from 'node:util'
import { defaultDir } from './config.ts'
import { stopStack } from './stop.ts'

const { values } = parseArgs({ options: { dir: { type: 'string', default: defaultDir } } })
const stopped = await stopStack(values.dir)
console.log(stopped.length > 0 ? `stopped ${stopped.join(', ')}` : 'nothing was running')
