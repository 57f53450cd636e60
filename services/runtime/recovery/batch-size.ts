/** Tries after which records that fail together are tried in halves, and one that fails alone may be blamed. */
export const manyTries = 10

/**
 * How many records are taken at once: `most`, fewer while some fail for long. What fails too often is halved, and its pieces
 * at their first failure, until what fails stands alone. What passes doubles the size again.
 */
export class BatchSize {
  readonly #most: number
  #size: number

  constructor(most: number) {
    this.#most = most
    this.#size = most
  }

  get now(): number {
    return this.#size
  }

  /** How often as many records may fail before they are halved. */
  get tries(): number {
    return this.isWhole ? manyTries : 1
  }

  get isWhole(): boolean {
    return this.#size === this.#most
  }

  /** `count` records have failed too often. */
  halve(count: number): void {
    this.#size = Math.max(1, count >> 1)
  }

  passed(): void {
    this.#size = Math.min(this.#size * 2, this.#most)
  }
}
