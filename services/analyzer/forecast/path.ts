/** How far from the last value a series will be, so many steps from now. */
export type Path = (steps: number) => number

/** The path of a series of which `path` is that of the logarithms. */
export function fromLogs(path: Path, last: number): Path {
  return (steps) => last * Math.expm1(Math.min(path(steps), 300))
}

/** A level that grows steadily. `offset`: where the level is now, from the last value. */
export function grow(offset: number, growth: number): Path {
  return (steps) => offset + steps * growth
}

/**
 * The same where `offset` is a level that was smoothed with this `share`, and so lags behind by the growth of
 * (1 - share) / share steps.
 */
export function catchUp(offset: number, growth: number, share: number): Path {
  return grow(offset + ((1 - share) / share) * growth, growth)
}
