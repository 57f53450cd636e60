import { z } from 'zod'

/**
 * What a group remembers of deaths and dead letters in a partition, beside its committed offset, in Kafka's offset metadata:
 * it survives a kill, moves with the partition, and needs no database.
 */
export type Note = {
  /** Processes that died with this offset as their first uncommitted one. */
  deaths: number
  /** Of those, how many had nothing but the record at this offset in work. */
  aloneDeaths: number
  /** What the process that wrote this does: nothing any more, after an orderly stop; everything; or this record alone. */
  state: 'stopped' | 'working' | 'alone'
  /** Records from here on that are taken one at a time. */
  suspects: number
  /** Dead letters in a row before this offset. */
  deadInARow: number
  /** The ops event that says why this offset is not passed. */
  incident?: IncidentKind | undefined
  /** The process that wrote this. */
  by: string
}

/** What holds a partition up: too many dead letters in a row, or errors that do not pass. */
const incidentKinds = ['partition-paused', 'partition-stuck'] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** Deaths at one offset after which records are taken one at a time. */
const deathsUntilAlone = 2
/** Further deaths, alone, after which a record is a dead letter. */
const aloneDeathsUntilDead = 3

const counted = z.number().int().nonnegative()
const schema = z.object({
  deaths: counted.default(0),
  aloneDeaths: counted.default(0),
  state: z.enum(['stopped', 'working', 'alone']).default('stopped'),
  suspects: counted.default(0),
  deadInARow: counted.default(0),
  incident: z.enum(incidentKinds).optional(),
  by: z.string().default(''),
})

/** Nothing is known. */
export const unknownNote: Note = schema.parse({})

/** The note in what was read. */
export function parseNote(found: unknown): Note {
  return schema.catch(unknownNote).parse(found)
}

/** As it is written. Short: it travels with each commit. */
export function compactNote(note: Note): Partial<Note> {
  return Object.fromEntries(Object.entries(note).filter(([, value]) => value !== 0 && value !== undefined))
}

/**
 * What process `by` knows when it is given the partition: whoever wrote the note, did not stop in order and is another
 * process has died. (Or it lost the partition in a rebalance. That costs time, and counts for no record unless it was
 * alone in work.) A death at the end of a partition, where there are no records, counts for none of those to come.
 */
export function takeOver(
  note: Note,
  { by, batch, hasRecords }: { by: string; batch: number; hasRecords: boolean },
): Note {
  const died = hasRecords && note.state !== 'stopped' && note.by !== by
  const deaths = note.deaths + (died ? 1 : 0)
  return {
    ...note,
    deaths,
    aloneDeaths: note.aloneDeaths + (died && note.state === 'alone' ? 1 : 0),
    state: 'working',
    suspects: deaths >= deathsUntilAlone ? Math.max(note.suspects, batch) : note.suspects,
    by,
  }
}

/** After `count` records are through, with `deadInARow` dead letters at their end. */
export function moveOn({ suspects, by }: Note, count: number, deadInARow: number): Note {
  return { deaths: 0, aloneDeaths: 0, state: 'working', suspects: Math.max(0, suspects - count), deadInARow, by }
}

/** Whether the record here has killed so often that it is a dead letter. */
export function isKiller({ aloneDeaths }: Note): boolean {
  return aloneDeaths >= aloneDeathsUntilDead
}
