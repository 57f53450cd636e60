import type { Trace } from './trace.ts'

type Numbers = Trace['numbers']

/** A number that changes by this factor may be another company's. */
const jump = 2
/** So many numbers tell companies apart, if they are large enough not to be equal by chance. */
const minNumbers = 3
const minSize = 20
/** How far a number goes from one payload to the next at most, as a part of it. */
const nearness = 0.05

export function isFar(a: number, b: number): boolean {
  const [small, large] = [Math.min(Math.abs(a), Math.abs(b)), Math.max(Math.abs(a), Math.abs(b))]
  return a * b <= 0 || large >= jump * small
}

/** Whether these numbers are those of `before` a little later. */
export function continues(numbers: Numbers, before: Numbers): boolean {
  const pairs = pairsOf(numbers, before).filter(([a, b]) => Math.min(Math.abs(a), Math.abs(b)) >= minSize)
  return pairs.length >= minNumbers && pairs.every(([a, b]) => isNear(a, b))
}

/** Whether these numbers left those of `before` behind, so that they may be of another company. */
export function departs(numbers: Numbers, before: Numbers): boolean {
  const pairs = pairsOf(numbers, before)
  const gone = pairs.filter(([a, b]) => !isNear(a, b))
  return pairs.length >= minNumbers && gone.length >= pairs.length / 2 && !isUniform(pairs)
}

/** Numbers that all changed by one factor are of one company. */
function isUniform(pairs: readonly [number, number][]): boolean {
  const factors = pairs.map(([a, b]) => a / b)
  return Math.max(...factors) - Math.min(...factors) <= nearness * Math.abs(Math.max(...factors))
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= nearness * Math.max(Math.abs(a), Math.abs(b))
}

function pairsOf(numbers: Numbers, before: Numbers): [number, number][] {
  return Object.entries(numbers).flatMap(([id, number]): [number, number][] => {
    const last = before[id]
    return last === undefined ? [] : [[number, last]]
  })
}
