import type { Codec } from '#schemas/codec.ts'
import type { Producer } from '#runtime/kafka/produce.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'

/** What work on dead letters needs, in an edge as in a command. */
export type LetterTools = {
  settings: KafkaSettings
  log: Log
  database: Database
  codec: Codec
  /** Sends the bytes of records as they are. */
  producer: Producer
}
