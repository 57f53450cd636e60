// Asks a Kafka node in its own protocol whether clients can work with it. Its port is open long before that.
// https://kafka.apache.org/protocol
import { connect } from 'node:net'

/** Partitions of Kafka's topic of group offsets. */
export const offsetsPartitions = 4
/**
 * Groups that do not exist, one for each of those partitions: Kafka takes Java's hash of the name, modulo their
 * number.
 */
const probes = ['d', 'a', 'b', 'c']

/** Whether the node on `port` serves topics and consumer groups. */
export async function isReady(port: number): Promise<boolean> {
  // Metadata, version 4, of no topics: throttle time, then the number of brokers.
  if ((await ask(port, '0003' + '0004', '00000000' + '00')).readInt32BE(4) !== 1) return false
  // FindCoordinator, version 0: makes Kafka create the topic of group offsets, without which no member can join a
  // group.
  if ((await ask(port, '000a' + '0000', text('a'))).readInt16BE(0) !== 0) return false
  // DescribeGroups, version 0: refused while the group's partition of that topic is being loaded.
  const groups = await ask(port, '000f' + '0000', '00000004' + probes.map(text).join(''))
  // Each answer: error, the group's name, its state "Dead", two empty names and no members.
  const size = 2 + (2 + 1) + (2 + 4) + 2 + 2 + 4
  return probes.every((_, index) => groups.readInt16BE(4 + index * size) === 0)
}

function text(value: string): string {
  return value.length.toString(16).padStart(4, '0') + Buffer.from(value).toString('hex')
}

/** Sends one request (its kind and version, its fields; all in hex) and returns the fields of the answer. */
async function ask(port: number, kind: string, fields: string): Promise<Buffer> {
  const request = Buffer.from(kind + '00000001' + 'ffff' + fields, 'hex')
  const size = Buffer.alloc(4)
  size.writeInt32BE(request.length)
  const socket = connect(port, '127.0.0.1').setTimeout(2000, () => socket.destroy(new Error('no answer from Kafka')))
  try {
    socket.write(Buffer.concat([size, request]))
    let answer = Buffer.alloc(0)
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer])
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return answer.subarray(8)
    }
    throw new Error('Kafka closed the connection')
  } finally {
    socket.destroy()
  }
}
