/** Scores of a file's points, and its windows: indexes of their first and last points. */
export type NabFile = { name: string; scores: readonly number[]; windows: [number, number][] }
export type NabScore = {
  score: number
  threshold: number
  byFile: { name: string; found: number; of: number; outside: number }[]
}

const sigmoid = (y: number) => 2 / (1 + Math.exp(5 * y)) - 1
const falseCost = 0.11

/**
 * The score of the Numenta Anomaly Benchmark's standard profile at the best threshold for all files together. In a window
 * the earliest detection counts, the earlier the more; a missed window costs 1, a detection outside up to 0.11. The first
 * 15 % of a file (at most 750 points) do not count. Nothing found is 0, all found at their beginning 100.
 */
export function scoreNab(files: readonly NabFile[]): NabScore {
  const points = files.flatMap(({ scores }, file) =>
    scores.map((score, index) => ({ file, index, score })).filter(({ index }) => index >= quietOf(scores.length)),
  )
  points.sort((a, b) => b.score - a.score || a.file - b.file || a.index - b.index)
  const count = files.reduce((sum, { windows }) => sum + windows.length, 0)
  const earliest = files.map(({ windows }) => windows.map(() => Infinity))
  let total = -count
  let best = { total, threshold: Infinity }
  for (const [at, { file, index, score }] of points.entries()) {
    const { windows } = files[file]!
    const within = windows.findIndex(([from, to]) => index >= from && index <= to)
    if (within < 0) total += falseCost * worthOutside(windows, index)
    else if (index < earliest[file]![within]!) {
      const before = earliest[file]![within]!
      total += worthInside(windows[within]!, index) - (before === Infinity ? -1 : worthInside(windows[within]!, before))
      earliest[file]![within] = index
    }
    // Points of one score are told together.
    if (total > best.total && points[at + 1]?.score !== score) best = { total, threshold: score }
  }
  return {
    score: (100 * (best.total + count)) / (2 * count),
    threshold: best.threshold,
    byFile: files.map((file) => countDetections(file, best.threshold)),
  }
}

const quietOf = (length: number) => Math.min(Math.floor(0.15 * length), 750)

/** 1 at the left edge of the window, 0 at the right one. */
function worthInside([from, to]: [number, number], index: number): number {
  return sigmoid(-(to - index) / Math.max(1, to - from)) / sigmoid(-1)
}

/** 0 just after a window, -1 far behind it or before the first. */
function worthOutside(windows: readonly [number, number][], index: number): number {
  const previous = windows.findLast(([, to]) => to < index)
  if (!previous) return -1
  const [from, to] = previous
  const widths = (index - to) / Math.max(1, to - from)
  return widths > 3 ? -1 : sigmoid(widths)
}

function countDetections({ name, scores, windows }: NabFile, threshold: number) {
  const told = scores.flatMap((score, i) => (score >= threshold && i >= quietOf(scores.length) ? [i] : []))
  const inside = (i: number) => windows.some(([from, to]) => i >= from && i <= to)
  return {
    name,
    of: windows.length,
    found: windows.filter(([from, to]) => told.some((i) => i >= from && i <= to)).length,
    outside: told.filter((i) => !inside(i)).length,
  }
}
