import { LRUCache } from 'lru-cache'

/** Ids of series (`public.company_source_measurement`) by source_measurement_id, for one company and source. */
export type SeriesIds = ReadonlyMap<number, number>
/** By seriesKey. */
export type AddedSeries = Map<string, Map<number, number>>

export function seriesKey(companyId: number, dataSourceId: number): string {
  return `${companyId}/${dataSourceId}`
}

/** Ids of series seen before. Any may be gone by now, since parma-web deletes companies and sources. */
export class SeriesCache {
  readonly #series: LRUCache<string, Map<number, number>>

  /** Keeps at most `limit` ids, those of the companies and sources seen last. */
  constructor(limit: number) {
    this.#series = new LRUCache({ maxSize: limit, sizeCalculation: (ids) => Math.max(ids.size, 1) })
  }

  get(key: string): SeriesIds | undefined {
    return this.#series.get(key)
  }

  /** Call it only after the transaction that found or created them is committed. */
  keep(added: AddedSeries): void {
    for (const [key, ids] of added) this.#series.set(key, new Map([...(this.#series.get(key) ?? []), ...ids]))
  }

  forget(): void {
    this.#series.clear()
  }
}
