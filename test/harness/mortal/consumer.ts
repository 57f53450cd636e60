// A service that consumes ops events in the group of the notifier and writes to stdout what it does. `killer` in an event's
// subject kills it (SIGKILL); MORTAL_AWAY says that a server is away; MORTAL_MS is how long it takes for an event.
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { ok } from '#runtime/consume/outcome.ts'
import { on } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { readEnv } from '#runtime/process/config.ts'
import { runService } from '#runtime/process/service.ts'
import { pipelineSettings } from '#runtime/process/settings.ts'
import { topics } from '#schemas/topics.ts'

const say = (text: string) => void writeSync(1, `${text}\n`)
const shape = { ...pipelineSettings, MORTAL_AWAY: z.string().optional(), MORTAL_MS: z.coerce.number().default(0) }

await runService(
  'notifier',
  () => readEnv(shape),
  async (config, context) => {
    const { consume } = await openKafka(config, context)
    context.health.dependency('server', () => {
      if (config.MORTAL_AWAY) throw new Error('away')
    })
    await consume([
      on(topics.opsEvents, async (batch) => {
        say(`began ${batch.length}`)
        for (const { value } of batch) {
          if (value.subject.includes('killer')) {
            say('dies')
            process.kill(process.pid, 'SIGKILL')
          }
          await delay(config.MORTAL_MS)
        }
        say(`processed ${batch.map(({ value }) => value.subject).join(' ')}`)
        return batch.map(() => ok())
      }),
    ])
  },
)
