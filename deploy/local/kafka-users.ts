import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type AclEntry, type Kafka } from 'kafkajs'
import { type Access, describeAccess } from '../../schemas/kafka-access.ts'

// Node does not see these among the names that kafkajs, a CommonJS module, exports.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs

/** A user who may do everything: brokers among themselves, and whoever sets up. */
export const clusterAdmin = 'admin'

/** Every user of a cluster with its password, the same for the same secret. */
export function makePasswords(secret: string): Record<string, string> {
  const users = [clusterAdmin, ...Object.keys(describeAccess())]
  return Object.fromEntries(users.map((user) => [user, createHmac('sha256', secret).update(user).digest('base64url')]))
}

/** Allows each user what schemas/kafka-access.ts says, with the names of an installation. */
export async function allowUsers(administrator: Kafka, prefix: string): Promise<void> {
  const acl = Object.entries(describeAccess()).flatMap(([user, list]) =>
    list.flatMap((access) => entriesOf(user, access, prefix)),
  )
  const admin = administrator.admin()
  await admin.connect()
  await admin.createAcls({ acl }).finally(() => admin.disconnect())
}

/** Resolves when so many brokers of a cluster know of each other. */
export async function waitForBrokers(administrator: Kafka, count: number): Promise<void> {
  for (const deadline = performance.now() + 120_000; ; await delay(500)) {
    const admin = administrator.admin()
    try {
      await admin.connect()
      if ((await admin.describeCluster()).brokers.length === count) return
    } catch (error) {
      if (performance.now() > deadline) throw error
    } finally {
      await admin.disconnect()
    }
    if (performance.now() > deadline) throw new Error(`Kafka has fewer than ${count} brokers after two minutes`)
  }
}

function entriesOf(user: string, { type, pattern, names, operations }: Access, prefix: string): AclEntry[] {
  return names.flatMap((name) =>
    operations.map((operation) => ({
      resourceType: type === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
      resourceName: prefix + name,
      resourcePatternType: pattern === 'literal' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
      principal: `User:${user}`,
      host: '*',
      operation: operationOf(operation),
      permissionType: AclPermissionTypes.ALLOW,
    })),
  )
}

function operationOf(name: string): number {
  const key = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
  const operation: unknown = Object.entries(AclOperationTypes).find(([one]) => one === key)?.[1]
  if (typeof operation !== 'number') throw new Error(`Kafka has no operation ${name}`)
  return operation
}
