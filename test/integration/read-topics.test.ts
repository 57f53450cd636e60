import { expect, test } from 'vitest'
import { readTopics } from '#runtime/kafka/read-topics.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings } from '#runtime/process/settings.ts'
import { topics } from '#schemas/topics.ts'
import { isKafka, kafkaWire, startProxy } from '../harness/proxy.ts'
import { stackEnv, testEnv } from '../harness/stack.ts'
import { createTopics } from '../harness/topics.ts'

test('a topic is read to its end although the reader loses its connections while it joins', async () => {
  const own = await createTopics()
  const broker = stackEnv().KAFKA_BROKERS ?? ''
  const proxy = await startProxy(broker, kafkaWire(broker))
  const settings = readEnv(kafkaSettings, { ...testEnv(), TOPIC_PREFIX: own.prefix, KAFKA_BROKERS: proxy.address })
  const name = topics.opsEvents.name
  await own.produce(
    name,
    ['a', 'b', 'c'].map((value) => ({ key: 'x', value })),
  )
  void proxy.hold('request', isKafka('join-group')).held.then(proxy.cut)
  const read: string[] = []
  await readTopics(
    settings,
    createLog('test', 'silent'),
    [own.prefix + name],
    ({ value }) => void read.push(String(value)),
  )
  expect(read).toEqual(['a', 'b', 'c'])
})
