import type { Note } from './offset-note.ts'

/** Where a group is in a partition, and what is known of the record there. `topic` is its name in the cluster. */
export type Place = { topic: string; partition: number; offset: number; note: Note }
