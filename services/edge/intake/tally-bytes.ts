/** Bytes of sources and days. They may be negative: what was given back. */
export type Sums = readonly { day: string; sourceId: number; bytes: number }[]

/** What this process knows of the bytes of sources. */
export type Tally = {
  /** Counts the bytes, unless the source would exceed `max` on this day: then false. */
  take(day: string, sourceId: number, bytes: number, max: number): boolean
  giveBack(day: string, sourceId: number, bytes: number): void
  /** What is not yet part of the sums of all processes. */
  pending(): Sums
  /** These are part of them now. */
  settle(added: Sums): void
  /** The sums of all processes on this day. */
  learn(day: string, sums: ReadonlyMap<number, number>): void
}

export function createTally(): Tally {
  let known = { day: '', sums: new Map<number, number>() }
  const pending = new Map<string, { day: string; sourceId: number; bytes: number }>()
  const keyOf = (day: string, sourceId: number) => `${day}/${sourceId}`

  function add(day: string, sourceId: number, bytes: number): void {
    const key = keyOf(day, sourceId)
    const sum = (pending.get(key)?.bytes ?? 0) + bytes
    if (sum === 0) pending.delete(key)
    else pending.set(key, { day, sourceId, bytes: sum })
  }

  return {
    take(day, sourceId, bytes, max) {
      const ofAll = known.day === day ? (known.sums.get(sourceId) ?? 0) : 0
      const own = pending.get(keyOf(day, sourceId))?.bytes ?? 0
      if (ofAll + own + bytes > max) return false
      add(day, sourceId, bytes)
      return true
    },
    giveBack: (day, sourceId, bytes) => add(day, sourceId, -bytes),
    pending: () => [...pending.values()],
    settle(added) {
      for (const { day, sourceId, bytes } of added) {
        add(day, sourceId, -bytes)
        if (day === known.day) known.sums.set(sourceId, (known.sums.get(sourceId) ?? 0) + bytes)
      }
    },
    learn: (day, sums) => void (known = { day, sums: new Map(sums) }),
  }
}
