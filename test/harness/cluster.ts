import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kafka } from 'kafkajs'
import { readSettings } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { fetchJavaServers } from '../../deploy/local/java-servers.ts'
import { clusterPrograms, connectAs, loginEnv } from '../../deploy/local/kafka-cluster.ts'
import { allowUsers, clusterAdmin, makePasswords, waitForBrokers } from '../../deploy/local/kafka-users.ts'
import { onCleanup } from './cleanup.ts'
import { superviseProgram, type SupervisedProgram } from './supervised.ts'

export type Cluster = {
  brokers: SupervisedProgram[]
  /** What a user of schemas/kafka-access.ts, or the administrator, needs in its environment. */
  env(user: string): NodeJS.ProcessEnv
  /** A client that is logged in as this user. */
  kafka(user: string): Kafka
  /** Allows each user what it may, with the names of an installation. */
  allow(prefix: string): Promise<void>
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
  const kafka = (user: string) => connectAs(settings, user)
  await waitForBrokers(kafka(clusterAdmin), ports.length)
  return {
    brokers,
    kafka,
    env: (user) => loginEnv(settings, user),
    allow: (prefix) => allowUsers(kafka(clusterAdmin), prefix),
  }
}
