import { expect, test } from 'vitest'
import { measureRuns } from './suspect-runs.ts'

test.each(['numbers', 'lists'] as const)(
  'broken runs of five companies and more are held and send nothing, real ones are told: payloads of %s',
  (shape) => {
    for (const count of shape === 'lists' ? [10] : [10, 40]) {
      const runs = measureRuns(count, shape, 1)
      expect(runs.filter(({ fault }) => fault !== null)).toHaveLength(20)
      expect(runs.filter(({ isSuspect, fault }) => isSuspect !== (fault !== null))).toEqual([])
      expect(runs.filter(({ wrong }) => wrong > 0)).toEqual([])
      expect(runs.filter(({ messages, held, fault }) => fault === null && (messages === 0 || held > 0))).toEqual([])
    }
    expect(measureRuns(3, shape, 1).some(({ isSuspect }) => isSuspect)).toBe(false)
  },
)
