import { lookMs } from '../offsets/loss-watch.ts'

/** Longer than this without a fetch and without a batch in work, and the member counts as not running. */
const tickTimeoutMs = 30_000

/** For this long, a member may be silent though the broker answers: longer than a rebalance. */
const lostMs = 120_000

/** Looks that are further apart say nothing of the time between. */
const maxGapMs = 3 * lookMs

/** Where the group is in a partition, and where that ends. */
type Seen = { name: string; offset: number; high: number }
type Unmoved = { offset: number; high: number; since: number }

/** The name of a partition in messages. */
export function nameOf(topic: string, partition: number): string {
  return `partition ${partition} of ${topic}`
}

/** What is known of one member of the group. Its methods alone change it. */
export class Lane {
  #isJoined = false
  #working: Promise<unknown> | null = null
  #lastTick = performance.now()
  /** When the client library last showed that it is at work on its membership. */
  #lastSign = performance.now()
  readonly #paused = new Set<string>()
  /** The time for which the broker has answered without a gap, up to now. */
  #answers: { from: number; to: number } | null = null
  /** Partitions of which new records have come, and none was read, since then. */
  #unmoved = new Map<string, Unmoved>()

  join(): void {
    this.#isJoined = true
    this.#lastSign = performance.now()
  }

  leave(): void {
    this.#isJoined = false
  }

  /** The client library begins anew: it has met an error that passes, or the group forms anew. */
  tryAgain(): void {
    this.#lastSign = performance.now()
  }

  tick(): void {
    this.#lastTick = performance.now()
    if (this.#isJoined) this.#lastSign = this.#lastTick
  }

  async work<T>(work: () => Promise<T>): Promise<T> {
    const working = work()
    this.#working = working
    try {
      return await working
    } finally {
      this.#working = null
      this.tick()
    }
  }

  /** Resolves when it works on nothing. */
  async idle(): Promise<void> {
    await this.#working?.catch(() => undefined)
  }

  pause(partition: string): void {
    this.#paused.add(partition)
  }

  /** Without a partition: all of them, because others may have them now. */
  resume(partition?: string): void {
    if (partition === undefined) this.#paused.clear()
    else this.#paused.delete(partition)
  }

  /** The broker has answered, and the member's partitions are there. Call it every `lookMs`. */
  look(partitions: readonly Seen[]): void {
    const now = performance.now()
    const isNext = this.#answers !== null && now - this.#answers.to < maxGapMs
    this.#answers = { from: isNext ? (this.#answers?.from ?? now) : now, to: now }
    const isFree = isNext && !this.#working
    const unread = partitions.filter(({ name, offset, high }) => offset < high && !this.#paused.has(name))
    this.#unmoved = new Map(
      unread.map(({ name, offset, high }) => {
        const known = this.#unmoved.get(name)
        const isUnmoved = isFree && known?.offset === offset && known.high < high
        return [name, isUnmoved ? known : { offset, high: known?.offset === offset ? known.high : high, since: now }]
      }),
    )
  }

  /**
   * Throws when only a new process mends the member: for `lostMs` the broker has answered, and the member, which works on
   * nothing, has not fetched, or has fetched nothing of a partition to which records came. While no broker answers, an
   * error is retried or a partition is paused, it is not lost.
   */
  checkAlive(): void {
    const answers = this.#answers
    if (this.#working || !answers || performance.now() - answers.to > maxGapMs) return
    if (answers.to - Math.max(answers.from, this.#lastSign) > lostMs)
      throw new Error(`lost: no fetch for ${lostMs / 1000} s, and the broker answers`)
    for (const [name, { since }] of this.#unmoved)
      if (answers.to - since > lostMs)
        throw new Error(`lost: nothing of ${name} was read for ${lostMs / 1000} s, and records come`)
  }

  /** Throws what keeps the member from working. */
  check(): void {
    if (!this.#isJoined) throw new Error('not a member of the group')
    if (!this.#working && performance.now() - this.#lastTick > tickTimeoutMs)
      throw new Error(`no fetch for ${tickTimeoutMs / 1000} s`)
    const [paused] = this.#paused
    if (paused !== undefined) throw new Error(`paused after too many dead letters in a row: ${paused}`)
  }
}
