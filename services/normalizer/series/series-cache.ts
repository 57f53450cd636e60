/** Ids of series (`public.company_source_measurement`) by source_measurement_id, for one company and source. */
export type SeriesIds = ReadonlyMap<number, number>
/** By seriesKey. */
export type AddedSeries = Map<string, Map<number, number>>

export function seriesKey(companyId: number, dataSourceId: number): string {
  return `${companyId}/${dataSourceId}`
}

/** Ids of series seen before. Any may be gone by now, since parma-web deletes companies and sources. */
export class SeriesCache {
  readonly #limit: number
  readonly #series = new Map<string, Map<number, number>>()
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): SeriesIds | undefined {
    const ids = this.#series.get(key)
    if (!ids) return undefined
    this.#series.delete(key)
    this.#series.set(key, ids)
    return ids
  }

  /** Call it only after the transaction that found or created them is committed. */
  keep(added: AddedSeries): void {
    for (const [key, ids] of added) {
      this.#size -= this.#series.get(key)?.size ?? 0
      const all = new Map([...(this.#series.get(key) ?? []), ...ids])
      this.#series.delete(key)
      this.#series.set(key, all)
      this.#size += all.size
    }
    for (const [key, ids] of this.#series) {
      if (this.#size <= this.#limit) return
      this.#series.delete(key)
      this.#size -= ids.size
    }
  }

  forget(): void {
    this.#series.clear()
    this.#size = 0
  }
}
