import type { GroupTable } from '#runtime/offsets/group-table.ts'
import { allTopics } from '#schemas/topics.ts'
import type { Seen } from './look-at-postgres.ts'
import { readAgain } from './plan-steps.ts'

/** The services of which a process is in its group. */
export async function listRunning(groups: GroupTable): Promise<string[]> {
  const names = [...new Set(allTopics.flatMap(({ consumers }) => consumers))]
  const running = await Promise.all(names.map((name) => groups.isRunning(name)))
  return names.filter((_, index) => running[index])
}

/** Whether topics that are read again still hold all since then (ms since 1970). */
export async function lookAtTopics(groups: GroupTable, since: number): Promise<{ isHeld: boolean; seen: Seen }[]> {
  const names = [...new Set(readAgain.filter(({ to }) => to === 'since').map(({ topic }) => topic))]
  return Promise.all(
    names.map(async (topic) => {
      const at = await groups.offsetsAt(topic, since)
      const rows = new Map((await groups.read({ topic })).map((row) => [row.partition, row]))
      // A partition that begins with a record of a later time may have had earlier ones.
      const cut = [...rows.values()].filter(
        ({ partition, first }) => first > 0 && (at.get(partition) ?? first) <= first,
      )
      const records = [...rows.values()].reduce((sum, { partition, end }) => sum + end - (at.get(partition) ?? end), 0)
      const isHeld = cut.length === 0
      return {
        isHeld,
        seen: {
          look: topic,
          found: isHeld
            ? `holds all since then, ${records} records`
            : `may lack records of partition ${partitionsOf(cut)}`,
          does: isHeld ? '' : 'what it lacks is read from raw documents',
          stops: false,
        },
      }
    }),
  )
}

function partitionsOf(rows: readonly { partition: number }[]): string {
  return rows.map(({ partition }) => partition).join(', ')
}
