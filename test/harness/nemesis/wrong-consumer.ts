// A consumer that is wrong on purpose, as a check of the checks. WRONG=commits-first commits its offsets before the effect, so a
// kill loses effects; WRONG=no-ledger has its effect before and remembers nothing, so a kill doubles them. Writes to stdout
// how far it is with a batch, and rests there for long enough to be killed.
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'

const { WRONG = '', GROUP = '', TOPIC = '', KAFKA_BROKERS = '', DATABASE_URL = '' } = process.env
const restMs = 25
const say = (text: string) => void writeSync(1, `${text}\n`)

say('started')
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 1 })
pool.on('error', () => undefined)
const kafka = new Kafka({ clientId: WRONG, brokers: [KAFKA_BROKERS], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({ groupId: GROUP, sessionTimeout: 6000, heartbeatInterval: 1000, maxWaitTimeInMs: 200 })
consumer.on('consumer.crash', ({ payload }) => {
  if (!payload.restart) process.exit(1)
})
await consumer.connect()
await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  async eachBatch({ batch, heartbeat }) {
    const { topic, partition, messages } = batch
    const offset = String(Number(batch.lastOffset()) + 1)
    const commit = () => consumer.commitOffsets([{ topic, partition, offset }])
    if (WRONG === 'commits-first') await commit()
    try {
      say('began')
      await delay(restMs)
      for (const { headers } of messages) {
        const id = headers?.event_id
        if (!id) continue
        await pool.query('INSERT INTO nemesis.effect (consumer, event_id) VALUES ($1, $2)', [WRONG, String(id)])
        say('effect')
        await delay(restMs)
        await heartbeat()
      }
      if (WRONG === 'no-ledger') await commit()
    } finally {
      // Of a batch that failed and was committed nothing is read again.
      say('done')
    }
  },
})
