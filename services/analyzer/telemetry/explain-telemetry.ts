import type { Reading, Way } from './read-telemetry.ts'

type Kind = 'spike' | 'drop' | 'level shift' | 'variance'

const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const formatNumber = (value: number) => numbers.format(value)

/** Names what is unusual about a point of a series of many values a day, and says how rare it is. */
export function explainTelemetry(value: number, reading: Reading): { kind: Kind; reason: string } {
  const { way, isUp, asLarge, of } = reading
  const often = asLarge < 1 ? 'none' : formatNumber(Math.round(asLarge))
  return {
    kind: kindOf(way, isUp),
    reason: `${describe(value, reading)}; as much in ${often} of ${formatNumber(of)} values`,
  }
}

function kindOf(way: Way, isUp: boolean): Kind {
  if (way === 'drift') return 'level shift'
  if (way === 'restlessness') return 'variance'
  return isUp ? 'spike' : 'drop'
}

function describe(value: number, { way, isUp, expected, restlessness }: Reading): string {
  const side = isUp ? 'above' : 'below'
  if (way === 'change') return `${isUp ? 'rise' : 'fall'} from one value to the next`
  if (way === 'level') return `far ${side} the level`
  if (way === 'distance') return `${formatNumber(Math.abs(value - expected))} ${side} what this hour makes expect`
  if (way === 'drift') return `${side} what its hours make expect for long`
  return restlessness > 1
    ? `changes ${formatNumber(restlessness)} times as large as usual`
    : `changes ${formatNumber(100 * restlessness)} % as large as usual`
}
