import { medianOf } from '../../services/analyzer/forecast/statistics.ts'

/** What a method expects of a value, and a band for 8 of 10 cases. */
export type Outlook = { value: number; low: number; high: number }

/** For each position of a series what was expected so many steps before it. Null where the method knew too little. */
export type Follow = (times: readonly number[], values: readonly number[], steps: number) => (Outlook | null)[]

/** What a forecast has to beat: the best of the first three. */
export const plainForecasts: Record<string, Follow> = {
  'last value': (_, values, steps) => followLast(values, steps),
  drift: (_, values, steps) => followDrift(values, steps),
  Theta: (_, values, steps) => followTheta(values, steps),
  'last value + median growth of 26': (_, values, steps) => followGrowth(values, steps),
}

/** The distance from the middle of a normal distribution within which 80 % lie. */
const normal80 = 1.2816

/** At `origin + steps` lies what is made after the value at `origin`. Bands are those of normal errors of one step. */
function follow(
  values: readonly number[],
  steps: number,
  make: (origin: number) => { value: number; spread: number } | null,
  next: (origin: number) => number,
): (Outlook | null)[] {
  const outlooks = new Array<Outlook | null>(values.length).fill(null)
  let [squares, count] = [0, 0]
  for (let origin = 0; origin < values.length; origin++) {
    const made = make(origin)
    if (made && count > 0 && origin + steps < values.length) {
      const reach = normal80 * Math.sqrt(squares / count) * made.spread
      outlooks[origin + steps] = { value: made.value, low: made.value - reach, high: made.value + reach }
    }
    if (made && origin + 1 < values.length) {
      squares += (values[origin + 1]! - next(origin)) ** 2
      count++
    }
  }
  return outlooks
}

function followLast(values: readonly number[], steps: number): (Outlook | null)[] {
  const spread = Math.sqrt(steps)
  return follow(
    values,
    steps,
    (origin) => ({ value: values[origin]!, spread }),
    (origin) => values[origin]!,
  )
}

function followDrift(values: readonly number[], steps: number): (Outlook | null)[] {
  const growth = (origin: number) => (values[origin]! - values[0]!) / Math.max(origin, 1)
  return follow(
    values,
    steps,
    (origin) => ({
      value: values[origin]! + steps * growth(origin),
      spread: Math.sqrt(steps * (1 + steps / Math.max(origin, 1))),
    }),
    (origin) => values[origin]! + growth(origin),
  )
}

function followGrowth(values: readonly number[], steps: number): (Outlook | null)[] {
  const growths = values.map((_, origin) => {
    const recent = values.slice(Math.max(0, origin - 26), origin + 1)
    const changes = recent.slice(1).map((value, i) => value - recent[i]!)
    return medianOf(changes)
  })
  return follow(
    values,
    steps,
    (origin) => ({ value: values[origin]! + steps * growths[origin]!, spread: Math.sqrt(steps) }),
    (origin) => values[origin]! + growths[origin]!,
  )
}

const shares = Array.from({ length: 20 }, (_, i) => (i + 1) / 20)

/** Simple exponential smoothing with half the slope of a regression; its share is the best of all values before. */
function followTheta(values: readonly number[], steps: number): (Outlook | null)[] {
  const levels = shares.map(() => values[0]!)
  const squares = shares.map(() => 0)
  const sums = { time: 0, value: 0, both: 0, square: 0 }
  const made = values.map((value, origin) => {
    for (const [index, share] of shares.entries()) {
      const surprise = value - levels[index]!
      squares[index]! += surprise ** 2
      levels[index]! += share * surprise
    }
    sums.time += origin
    sums.value += value
    sums.both += origin * value
    sums.square += origin ** 2
    const count = origin + 1
    const width = count * sums.square - sums.time ** 2
    const slope = width > 0 ? (count * sums.both - sums.time * sums.value) / width : 0
    const best = squares.indexOf(Math.min(...squares))
    const share = shares[best]!
    return { level: levels[best]!, share, growth: slope / 2, lag: (1 - (1 - share) ** count) / share }
  })
  const valueOf = (origin: number, ahead: number) => {
    const { level, growth, lag } = made[origin]!
    return level + growth * (ahead - 1 + lag)
  }
  return follow(
    values,
    steps,
    (origin) => ({ value: valueOf(origin, steps), spread: Math.sqrt(1 + (steps - 1) * made[origin]!.share ** 2) }),
    (origin) => valueOf(origin, 1),
  )
}
