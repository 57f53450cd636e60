import { Gauge } from 'prom-client'

const oldest = new Map<string, { topic: string; partition: number; timestamp: number | null }>()
const unread = new Map<string, { topic: string; partition: number; count: number }>()

new Gauge({
  name: 'parma_consumer_lag_records',
  help: 'Records of a partition that are not processed, fetched or not, as the broker last said',
  labelNames: ['topic', 'partition'] as const,
  collect() {
    this.reset()
    for (const { topic, partition, count } of unread.values()) this.set({ topic, partition }, count)
  },
})

new Gauge({
  name: 'parma_consumer_lag_seconds',
  help: 'Age of the oldest unread record, by topic and partition; 0 when all are read',
  labelNames: ['topic', 'partition'] as const,
  collect() {
    this.reset()
    for (const { topic, partition, timestamp } of oldest.values())
      this.set({ topic, partition }, timestamp === null ? 0 : Math.max(0, Date.now() - timestamp) / 1000)
  },
})

/** Notes when the oldest unprocessed record of a partition was appended; null: there is none. */
export function trackLag(topic: string, partition: number, timestamp: number | null): void {
  oldest.set(`${topic}/${partition}`, { topic, partition, timestamp })
}

/** Notes how many records a partition holds that are not processed, fetched or not. Their age counts from now. */
export function noteUnread(topic: string, partition: number, count: number): void {
  unread.set(`${topic}/${partition}`, { topic, partition, count })
  const known = oldest.get(`${topic}/${partition}`)
  if (!known || (count > 0 && known.timestamp === null)) trackLag(topic, partition, count > 0 ? Date.now() : null)
}

/** Partitions may go to other members now: what is said of them no longer counts. */
export function forgetLag(): void {
  oldest.clear()
  unread.clear()
}
