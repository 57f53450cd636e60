import { UsageError } from '#runtime/commands/commands.ts'
import type { GroupRow } from '#runtime/offsets/group-table.ts'
import { isoProblem, readIso } from '#runtime/text/iso-time.ts'

/** Where a service should read on: what `--to` of `parma groups reset` says. */
export type Target = { kind: 'earliest' } | { kind: 'latest' } | { kind: 'offset'; offset: number } | Time
type Time = { kind: 'time'; at: number }

export function readTarget(text: string): Target {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', offset: Number(text) }
  const at = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) ? readIso(text) : null
  if (at !== null) return { kind: 'time', at }
  const problem = isoProblem(text) ?? 'give "earliest", "latest", an offset, or a time such as 2026-11-29T03:10:00Z'
  throw new UsageError(`--to is ${JSON.stringify(text)}: ${problem}.`)
}

/** The offset that a target is on a partition. `byTime`: the first one as new as the target's time. */
export function chooseOffset(
  row: Pick<GroupRow, 'partition' | 'first' | 'end'>,
  target: Target,
  byTime: number | null,
) {
  const { partition, first, end } = row
  if (target.kind === 'earliest') return first
  if (target.kind === 'latest') return end
  if (target.kind === 'time') return Math.max(byTime ?? end, first)
  if (target.offset < first || target.offset > end)
    throw new UsageError(
      `Partition ${partition} holds offsets ${first} to ${end}, and ${target.offset} is none of them.`,
    )
  return target.offset
}
