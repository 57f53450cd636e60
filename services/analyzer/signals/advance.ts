import type { Measured } from './measure.ts'
import { maxMoves, maxPoints, maxRecent, maxTelemetryPoints, type SignalState } from './state.ts'
import type { Telemetry } from '../telemetry/read-telemetry.ts'

/** The state after a point. `measured` is null for the first. */
export function advance(state: SignalState, time: number, value: number, measured: Measured | null, score: number) {
  const next: SignalState = {
    ...state,
    seen: state.seen + 1,
    times: push(state.times, time, maxPoints),
    values: push(state.values, value, maxPoints),
    telemetry: null,
  }
  if (measured) learn(next, state, measured, score)
  return next
}

/** The state after a point of a series of many values a day. */
export function advanceTelemetry(state: SignalState, time: number, value: number, telemetry: Telemetry): SignalState {
  return {
    ...state,
    seen: state.seen + 1,
    times: push(state.times, time, maxTelemetryPoints),
    values: push(state.values, value, maxTelemetryPoints),
    telemetry,
  }
}

function learn(next: SignalState, state: SignalState, measured: Measured, score: number): void {
  const { deviation, surprise, distances, scale, floor } = measured
  next.surprises = push(state.surprises, surprise, maxRecent)
  next.moves = [...state.moves.slice(3 - maxMoves), ...measured.move]
  next.scores = push(state.scores, score, maxRecent)
  const size = Math.abs(deviation)
  if (state.ordinary === 0 && state.outburst === 0) {
    next.ordinary = size
    next.outburst = size
  } else {
    // The ordinary scale takes little of what is far beyond it, the other all but the wildest.
    const most = 3 * Math.max(state.ordinary, scale / 3, floor)
    next.ordinary += Math.max(0.06, 1 / (state.seen + 1)) * (1.25 * Math.min(size, most) - state.ordinary)
    next.outburst += 0.06 * (Math.min(size, 30 * scale) - state.outburst)
  }
  next.errors = distances.map((distance, way) => {
    const known = state.errors[way] ?? 0
    if (!Number.isFinite(distance)) return known
    const error = Math.abs(distance)
    return known === 0 ? error : known + 0.08 * (Math.min(error, 5 * known + floor) - known)
  })
}

function push(list: readonly number[], value: number, max: number): number[] {
  const next = list.length >= max ? list.slice(list.length - max + 1) : list.slice()
  next.push(value)
  return next
}
