import type { Aged } from './aged.ts'
import type { Result } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'

export type Both<T> = { young: T; old: T }

/** What a person waits for may take so many times as long in an old installation. */
const atMost = 1.5

/** Works on both in turn, so that what else the machine does meets both. Each has all its answers. */
export async function inTurn<T>(both: Both<Aged>, rounds: number, work: (of: Aged) => Promise<T>): Promise<Both<T[]>> {
  const answers: Both<T[]> = { young: [], old: [] }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['young', 'old'] as const) : (['old', 'young'] as const)
    for (const age of order) answers[age].push(await work(both[age]))
  }
  return answers
}

type Compared = {
  unit: string
  /** More is better. */
  isRate?: boolean
  /** No person waits for it: what it is instead. */
  instead?: string
}

/** How many times as long it takes when old: of the medians. */
export function compare(what: string, measured: Both<readonly number[]>, { unit, isRate, instead }: Compared): Result {
  const [young, old] = [summarize(measured.young), summarize(measured.old)]
  const say = ({ min, median, max }: typeof young) =>
    `${formatNumber(median)} ${unit} (${formatNumber(min)} to ${formatNumber(max)})`
  return {
    what: `old, ${what}`,
    value: isRate ? young.median / old.median : old.median / young.median,
    unit: '× young',
    below: instead === undefined ? atMost : null,
    detail: `young ${say(young)}, old ${say(old)}${instead === undefined ? '' : `; ${instead}`}`,
  }
}
