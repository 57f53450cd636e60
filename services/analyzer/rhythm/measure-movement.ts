import type { Rhythm } from './learn-rhythm.ts'

/**
 * A payload of a feed. `at`: its observed time, ms since 1970. `compared`: how many of its numbers can be compared with the
 * number before in their series. `moved`: how many of them differ from it.
 */
export type Activity = { at: number; compared: number; moved: number }

/** How often the numbers of a feed move. Payloads of one round, such as a repeated crawl, count as one. */
export type Movement = {
  /** Rounds up to the newest in which a number moved. */
  rounds: number
  /** Those of them in which one did. */
  moves: number
  /** The most rounds in a row, up to the newest move, in which none did. */
  longestPause: number
  /** Rounds since the newest move. */
  still: number
  /** Observed time of the newest move. Null: none is known. */
  movedAt: number | null
}

/**
 * `activities`: the newest ones, in order of time. Those without a number to compare say nothing. `before`: what was
 * measured last. While nothing moves it stays known, also when the moves that it counts are no longer among the newest.
 */
export function measureMovement(
  activities: readonly Activity[],
  rhythm: Rhythm | null,
  before: Movement | null = null,
): Movement {
  const movement: Movement = { rounds: 0, moves: 0, longestPause: 0, still: 0, movedAt: null }
  let pause = 0
  for (const { at, hasMoved } of joinRounds(activities, rhythm)) {
    if (!hasMoved) {
      pause++
      continue
    }
    movement.rounds += pause + 1
    movement.moves++
    // The first pause may have begun before what is known.
    if (movement.movedAt !== null) movement.longestPause = Math.max(movement.longestPause, pause)
    movement.movedAt = at
    pause = 0
  }
  const hasNotMoved = (movement.movedAt ?? -Infinity) <= (before?.movedAt ?? -Infinity)
  if (before?.movedAt != null && hasNotMoved && movement.moves < before.moves) return { ...before, still: pause }
  return { ...movement, still: movement.movedAt === null ? 0 : pause }
}

type Round = { start: number; at: number; hasMoved: boolean }

function joinRounds(activities: readonly Activity[], rhythm: Rhythm | null): Round[] {
  const rounds: Round[] = []
  for (const { at, compared, moved } of activities) {
    if (compared === 0) continue
    const last = rounds.at(-1)
    if (last && rhythm !== null && at - last.start < rhythm.step / 2) {
      last.hasMoved ||= moved > 0
      last.at = at
    } else rounds.push({ start: at, at, hasMoved: moved > 0 })
  }
  return rounds
}
