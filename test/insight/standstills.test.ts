import { expect, test } from 'vitest'
import { isStandstill } from '../../services/analyzer/rhythm/judge-standstill.ts'
import { learnRhythm } from '../../services/analyzer/rhythm/learn-rhythm.ts'
import { type Activity, measureMovement } from '../../services/analyzer/rhythm/measure-movement.ts'
import { readHistory } from '../harness/github.ts'

const history = readHistory(20, 200)
const newest = 120

/** The payloads of a company, and how many of their numbers moved. */
function readActivities(company: number, frozenFrom = Infinity): Activity[] {
  const last = new Map<string, number>()
  return history!.payloads
    .filter((payload) => payload.company === company)
    .map(({ rawData, observedAt }, index) => {
      const numbers = numbersOf(rawData).filter(([, number]) => typeof number === 'number') as [string, number][]
      const seen = index < frozenFrom ? numbers : [...last]
      const compared = seen.filter(([key]) => last.has(key))
      const moved = compared.filter(([key, number]) => last.get(key) !== number)
      for (const [key, number] of seen) last.set(key, number)
      return { at: Date.parse(observedAt!), compared: compared.length, moved: moved.length }
    })
}

function numbersOf(data: unknown, path = ''): [string, unknown][] {
  if (typeof data !== 'object' || data === null) return [[path, data]]
  const name = 'name' in data ? String(data.name) : ''
  return Object.entries(data).flatMap(([key, value]) =>
    numbersOf(value, Array.isArray(data) ? path : `${path}/${name}/${key}`),
  )
}

/** The payloads after which a company stands still. */
function findStandstills(activities: readonly Activity[]): number[] {
  return activities.flatMap((_, index) => {
    const known = activities.slice(Math.max(0, index + 1 - newest), index + 1)
    return isStandstill(measureMovement(known, learnRhythm(known.map(({ at }) => at)))) ? [index] : []
  })
}

test.skipIf(!history)('no company of the given history is said to stand still', () => {
  for (let company = 0; company < 20; company++) expect(findStandstills(readActivities(company))).toEqual([])
})

test.skipIf(!history)('each is, with the third payload, when its numbers stop after two years', () => {
  for (let company = 0; company < 20; company++) expect(findStandstills(readActivities(company, 130))[0]).toBe(132)
})
