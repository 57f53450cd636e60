import { beforeAll, describe, test } from 'vitest'
import {
  type Killing,
  killNormalizer,
  killRawSink,
  normalizerPoints,
  rawSinkPoints,
  startKilling,
} from '../harness/kill/setup.ts'

describe.each([
  { name: 'normalizer', points: normalizerPoints, kill: killNormalizer },
  { name: 'raw-sink', points: rawSinkPoints, kill: killRawSink },
])('kill -9 of $name, with a batch', ({ name, points, kill }) => {
  let killing: Killing
  beforeAll(async () => {
    killing = await startKilling(name)
  })

  test.each(points)('$at, leaves one of everything', { timeout: 400_000 }, (point) => kill(killing, point))
})
