/**
 * Lets pieces of work in side by side, or one of them alone: it starts when all others have ended, and no other starts
 * before it has ended. First come, first served, so that nothing waits behind what came later.
 */
export class Turnstile {
  #inside = 0
  #isAlone = false
  #waiting: { alone: boolean; enter: () => void }[] = []

  async pass<T>(alone: boolean, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ alone, enter })
      this.#admit()
    })
    try {
      return await work()
    } finally {
      this.#inside--
      this.#isAlone = false
      this.#admit()
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isAlone || (next.alone && this.#inside > 0)) return
      this.#waiting.shift()
      this.#inside++
      this.#isAlone = next.alone
      next.enter()
    }
  }
}
