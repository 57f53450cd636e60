import { Gauge } from 'prom-client'
import type { Note } from '../recovery/offset-note.ts'
import { type Loss, type Position, writeMetadata } from './find-loss.ts'

/** A partition that a member of this process has. `topic` is its name in the cluster. */
export type Followed = Position & { topic: string; partition: number; member: number }

/** The positions of this process. Its methods alone change them. */
export class Positions {
  readonly #followed = new Map<string, Followed>()

  /** A member has these partitions from now on, and no others. */
  assign(member: number, partitions: readonly Followed[]): void {
    for (const [key, one] of this.#followed) if (one.member === member) this.#followed.delete(key)
    for (const one of partitions) this.#followed.set(keyOf(one.topic, one.partition), one)
  }

  get(topic: string, partition: number): Followed | undefined {
    return this.#followed.get(keyOf(topic, partition))
  }

  drop(topic: string, partition: number): void {
    this.#followed.delete(keyOf(topic, partition))
  }

  all(): Followed[] {
    return [...this.#followed.values()]
  }

  /** The metadata of an offset before which `newest` is the newest time. */
  metadata(topic: string, partition: number, newest: number, note: Note): string {
    const known = this.get(topic, partition)
    return writeMetadata({ newest: Math.max(known?.newest ?? 0, newest), losses: known?.losses ?? [], note })
  }

  /** Returns the metadata of the changed position. */
  update(topic: string, partition: number, change: Partial<Position>): string {
    const key = keyOf(topic, partition)
    const known = this.#followed.get(key)
    if (!known) return writeMetadata({ newest: 0, losses: [], ...change })
    const changed = { ...known, ...change, newest: Math.max(known.newest, change.newest ?? 0) }
    this.#followed.set(key, changed)
    return writeMetadata(changed)
  }
}

const measured = new Set<Positions>()

new Gauge({
  name: 'parma_lost_records',
  help: 'Records deleted before they were read, by range, until they are accepted (parma groups accept-loss); -1: unknown',
  labelNames: ['topic', 'partition', 'from', 'to'] as const,
  collect() {
    this.reset()
    for (const { topic, partition, losses } of [...measured].flatMap((positions) => positions.all()))
      for (const { from, to, count } of losses) this.set({ topic, partition, from, to }, count ?? -1)
  },
})

/** Shows the losses of `positions` as a metric, one time series per loss that nobody has accepted. */
export function measureLosses(positions: Positions): void {
  measured.add(positions)
}

/** The newest losses that nobody has accepted, as one line; null: none. */
export function describeOpen(positions: Positions, describe: (of: Followed, loss: Loss) => string): string | null {
  const open = positions.all().flatMap((of) => of.losses.map((loss) => describe(of, loss)))
  if (open.length === 0) return null
  const more = open.length > 3 ? ` … and ${open.length - 3} more` : ''
  return `${open.slice(0, 3).join(' ')}${more}`
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
