import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Admin, Kafka, PartitionMetadata } from 'kafkajs'
import { createKafka } from '#runtime/kafka/client.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings } from '#runtime/process/settings.ts'
import { readSettings } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { fetchJavaServers } from '../../deploy/local/java-servers.ts'
import { clusterPrograms, connectAs, loginEnv } from '../../deploy/local/kafka-cluster.ts'
import { allowUsers, clusterAdmin, makePasswords, waitForBrokers } from '../../deploy/local/kafka-users.ts'
import { applyTopics } from '../../services/cli/topics.ts'
import { onCleanup } from './cleanup.ts'
import { testEnv } from './stack.ts'
import { superviseProgram, type SupervisedProgram } from './supervised.ts'
import { openTopics, type TestTopics } from './topics.ts'
import { waitFor } from './wait-for.ts'

export type Cluster = {
  brokers: SupervisedProgram[]
  /** What a user of schemas/kafka-access.ts, or the administrator, needs in its environment. */
  env(user: string): NodeJS.ProcessEnv
  /** The client of a service that is logged in as this user. */
  kafka(user: string): Kafka
  /** Makes topics under a random prefix, by the user that does so in production, and allows each user what it may. */
  createTopics(): Promise<TestTopics>
  /** Resolves when each partition of all topics has three replicas that are in sync. */
  inSync(): Promise<void>
}

/** Three brokers with TLS, SCRAM and ACLs. They are stopped when the test is over. */
export async function startCluster(): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'parma-cluster-'))
  onCleanup(() => rmSync(dir, { recursive: true, force: true }))
  const { cache } = await readSettings(dir, true)
  const ports: { client: number; controller: number }[] = []
  for (let n = 0; n < 3; n++) ports.push({ client: await findFreePort(), controller: await findFreePort() })
  const passwords = makePasswords(randomBytes(24).toString('base64url'))
  const servers = await fetchJavaServers(cache, console.log)
  const settings = { dir, servers, ports, passwords }
  const brokers = await Promise.all(clusterPrograms(settings).map((program) => superviseProgram(program, 240_000)))
  const env = (user: string) => ({ ...testEnv(), ...loginEnv(settings, user) })
  const kafka = (user: string) => createKafka(readEnv(kafkaSettings, env(user)), user, createLog(user, 'silent'))
  await waitForBrokers(connectAs(settings, clusterAdmin), ports.length)
  return {
    brokers,
    kafka,
    env: (user) => loginEnv(settings, user),
    async createTopics() {
      const prefix = `t${randomBytes(6).toString('hex')}.`
      await allowUsers(connectAs(settings, clusterAdmin), prefix)
      await applyTopics({}, { ...env('setup'), TOPIC_PREFIX: prefix, TOPIC_REPLICAS: '3' })
      return openTopics(kafka(clusterAdmin), prefix)
    },
    inSync: () => waitUntilInSync(kafka(clusterAdmin)),
  }
}

async function waitUntilInSync(kafka: Kafka): Promise<void> {
  const isInSync = async () => {
    const admin = kafka.admin()
    try {
      await admin.connect()
      const { topics } = await admin.fetchTopicMetadata()
      const behind = topics.filter(({ partitions }) => partitions.some(({ isr }) => isr.length < 3))
      if (behind.length > 0) throw new Error(`${behind.map(({ name }) => name).join(', ')} have fewer than 3 replicas`)
      return true
    } finally {
      await admin.disconnect()
    }
  }
  await waitFor('all replicas in sync', isInSync, 120_000, 1000)
}

/**
 * Gives each group another coordinator, which happens when a broker goes or when an operator moves partitions. The former
 * one stays a replica.
 */
export async function moveGroups(admin: Admin): Promise<void> {
  const topic = '__consumer_offsets'
  const read = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions ?? []
  const before = await read()
  const place = async (replicasOf: (one: PartitionMetadata) => number[]) => {
    const partitionAssignment = before.map((one) => ({ partition: one.partitionId, replicas: replicasOf(one) }))
    await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
    await waitFor('the move of all groups', async () => {
      const now = await read()
      return partitionAssignment.every(({ partition, replicas }) => {
        const one = now.find(({ partitionId }) => partitionId === partition)
        return one && String(one.replicas.toSorted()) === String(replicas.toSorted()) && replicas.includes(one.leader)
      })
    })
  }
  const others = ({ replicas, leader }: PartitionMetadata) => replicas.filter((one) => one !== leader)
  await place(others)
  await place((one) => [...others(one), one.leader])
}
