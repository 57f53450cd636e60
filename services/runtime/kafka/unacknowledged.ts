import { type Message, type PartitionerArgs, Partitioners, type RecordMetadata } from 'kafkajs'
import { TransientError } from '../calls/retry.ts'

/**
 * Finds what kafkajs did not send although it reports success. It asks for a partition and its leader anew at each retry
 * and then calls no broker twice, so a record is passed over when its partition has moved to a broker that has answered,
 * or is not in the metadata (`sendMessages.js`, `findLeaderForPartitions`). Serves one send at a time.
 */
export type AnswerCheck = {
  start(): void
  /** For `createPartitioner`. A record stays with its partition through all retries of a send. */
  partition(args: PartitionerArgs): number
  /** Throws a TransientError when a partition that got records has not answered: some of them are there, some not. */
  end(answers: readonly RecordMetadata[]): void
}

export function createAnswerCheck(): AnswerCheck {
  const choose = Partitioners.DefaultPartitioner()
  const chosen = new Map<Message, { topic: string; partition: number }>()
  return {
    start: () => chosen.clear(),
    partition({ topic, partitionMetadata, message }) {
      const { partition } = chosen.get(message) ?? { partition: choose({ topic, partitionMetadata, message }) }
      chosen.set(message, { topic, partition })
      return partition
    },
    end(answers) {
      const answered = new Set(answers.map(({ topicName, partition }) => `${topicName}/${partition}`))
      const used = new Set([...chosen.values()].map(({ topic, partition }) => `${topic}/${partition}`))
      const open = [...used].filter((one) => !answered.has(one))
      if (open.length > 0) throw new TransientError(`no broker has answered for ${open.join(', ')}`)
    },
  }
}
