import { once } from 'node:events'
import { connect } from 'node:net'
import kafkajs, { type Admin, Kafka, logLevel } from 'kafkajs'
import { stackEnv } from './stack.ts'
import { waitFor } from './wait-for.ts'

// Node does not see this one among the names that kafkajs, a CommonJS module, exports.
const { ConfigResourceTypes } = kafkajs

/**
 * Removes the members of a consumer group, as the broker does when their session ends. A killed member stays in its
 * group until then, and a new one has to wait.
 */
export async function expelMembers(group: string): Promise<void> {
  const { groups } = await withAdmin((admin) => admin.describeGroups([group]))
  const { hostname, port } = new URL(`tcp://${stackEnv().KAFKA_BROKERS}`)
  for (const { memberId } of groups.flatMap(({ members }) => members)) {
    const socket = connect(Number(port), hostname)
    // LeaveGroup, version 0: https://kafka.apache.org/protocol#The_Messages_LeaveGroup
    const request = Buffer.concat([Buffer.from([0, 13, 0, 0, 0, 0, 0, 1]), ...['test', group, memberId].map(sized)])
    const size = Buffer.alloc(4)
    size.writeInt32BE(request.length)
    socket.write(Buffer.concat([size, request]))
    await once(socket, 'data')
    socket.destroy()
  }
}

/** Records of `topic` that a group has not committed. */
export async function readLag(group: string, topic: string): Promise<number> {
  const [ends, [committed]] = await withAdmin((admin) =>
    Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId: group, topics: [topic] })]),
  )
  const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return ends.reduce((lag, { partition, high }) => lag + Number(high) - Math.max(offsets.get(partition) ?? 0, 0), 0)
}

/** What all of `groups` have committed of a topic, by partition. */
export async function readOldestCommit(groups: readonly string[], topic: string): Promise<Map<number, number>> {
  const committed = await withAdmin((admin) =>
    Promise.all(groups.map((groupId) => admin.fetchOffsets({ groupId, topics: [topic] }))),
  )
  const all = committed.flatMap(([of]) => of?.partitions ?? [])
  return new Map(
    [...Map.groupBy(all, ({ partition }) => partition)].map(([partition, offsets]) => [
      partition,
      Math.max(0, Math.min(...offsets.map(({ offset }) => Number(offset)))),
    ]),
  )
}

/** Deletes all records of a partition before `offset`, as retention does. */
export async function deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
  await withAdmin(async (admin) => {
    // kafkajs knows where a partition is only when it was asked for the topic before.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
  })
}

/** Has the broker take no larger records on a topic, whatever schemas/topics.ts says. */
export async function limitRecords(topic: string, bytes: number): Promise<void> {
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }]
  await withAdmin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    }),
  )
}

/** Deletes a topic and creates it again, empty. */
export async function remakeTopic(topic: string, numPartitions: number): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await waitFor(`the end of ${topic}`, async () => !(await admin.listTopics()).includes(topic))
    // kafkajs itself gives up waiting for leaders while the broker does not know the new topic.
    await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }], waitForLeaders: false })
    await waitFor(`the leaders of ${topic}`, () => admin.fetchTopicOffsets(topic).catch(() => false as const))
  })
}

async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const brokers = [stackEnv().KAFKA_BROKERS ?? '']
  const admin = new Kafka({ clientId: 'test', brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  return work(admin).finally(() => admin.disconnect())
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}
