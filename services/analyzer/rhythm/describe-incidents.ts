import { formatCount, formatDate, formatList, formatNumber, formatTime } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs, hourMs, minuteMs } from '#runtime/text/time.ts'
import type { Expected } from './learn-rhythm.ts'
import type { Movement } from './measure-movement.ts'

/** A number that stands still. `company`: where it is one of several. */
export type Example = { company: string | null; measurement: string; item: string | null; number: number }

type Described = { message: string; facts: Record<string, string> }

type Names = { source: string; source_id: number; company: string; company_id: number }

/** Of one company. */
export function describeStandstill(
  { source, source_id, company, company_id }: Names,
  movement: Movement,
  examples: readonly Example[],
): Described {
  const { still, moves, rounds } = movement
  const since = formatDate(movement.movedAt ?? 0)
  const such = formatExamples(examples)
  return {
    message:
      `No number of ${company} from ${source} has moved since ${since}, in ${formatCount(still, 'payload')}. Before, one ` +
      `moved in ${moves} of ${rounds}. Still are ${such}. Check what its module reads; ` +
      `\`parma values ls --company ${company_id} --source ${source_id}\` shows the values.`,
    facts: { ...{ since, still: String(still), moves: String(moves), rounds: String(rounds) }, examples: such },
  }
}

/** Of all companies of a source. `since`: when a number moved last. */
export function describeWholeStandstill(
  { source, source_id }: Pick<Names, 'source' | 'source_id'>,
  { since, companies }: { since: number; companies: number },
  examples: readonly Example[],
): Described {
  const day = formatDate(since)
  const such = formatExamples(examples)
  return {
    message:
      `All numbers from ${source} have stood still since ${day}: those of ${formatCompanies(companies)} that used to ` +
      `move. Still are ${such}. Check what its module reads; \`parma values ls --source ${source_id}\` shows the values.`,
    facts: { since: day, companies: String(companies), examples: such },
  }
}

/** A source from which nothing came at its usual time. */
export function describeDue({ source }: Pick<Names, 'source'>, { since, step, at, overdueAt }: Expected): Described {
  const facts = {
    ...{
      since: formatTime(since),
      every: formatStep(step),
      due_since: formatTime(at),
      overdue_from: formatTime(overdueAt),
    },
  }
  return {
    message:
      `The next payload from ${source} has been due since ${facts.due_since}: the last one was of ${facts.since}, and one ` +
      `comes every ${facts.every}. It is overdue from ${facts.overdue_from} on. \`parma schedule ls\` shows its plan and last run.`,
    facts,
  }
}

function formatExamples(examples: readonly Example[]): string {
  return formatList(
    examples.map(({ company, measurement, item, number }) => {
      const of = [item, company].flatMap((name) => (name === null ? [] : ` of ${excerpt(name, 60)}`)).join('')
      return `${excerpt(measurement, 60)}${of} (${formatNumber(number)})`
    }),
  )
}

/** A length of time: 7 days, 3 hours, 10 minutes. */
export function formatStep(ms: number): string {
  const [unit, noun] =
    ms >= 2 * dayMs
      ? ([dayMs, 'day'] as const)
      : ms >= 2 * hourMs
        ? ([hourMs, 'hour'] as const)
        : ([minuteMs, 'minute'] as const)
  return formatCount(Math.max(1, Math.round(ms / unit)), noun)
}

function formatCompanies(count: number): string {
  return count === 1 ? '1 company' : `${count} companies`
}
