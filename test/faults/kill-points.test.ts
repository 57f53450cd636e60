import { beforeAll, describe, test } from 'vitest'
import {
  type Killing,
  killNormalizer,
  killRawSink,
  normalizerPoints,
  rawSinkPoints,
  startKilling,
} from '../harness/kill/setup.ts'

const times = 20

describe.each([
  { name: 'normalizer', points: normalizerPoints, kill: killNormalizer },
  { name: 'raw-sink', points: rawSinkPoints, kill: killRawSink },
])(`kill -9 of $name ${times} times, with a batch`, ({ name, points, kill }) => {
  let killing: Killing
  beforeAll(async () => {
    killing = await startKilling(name)
  })

  test.each(points)('$at, leaves one of everything', { timeout: times * 60_000 }, async (point) => {
    for (let time = 0; time < times; time++) await kill(killing, point)
  })
})
