import { Gauge, Histogram } from 'prom-client'
import type { DatabasePool, Interceptor } from 'slonik'

const waited = new Histogram({
  name: 'parma_database_pool_wait_seconds',
  help: 'Time until a query or transaction has a connection of the pool (DATABASE_POOL_SIZE)',
  buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60],
})

const pools = new Set<DatabasePool>()

new Gauge({
  name: 'parma_database_connections',
  help: 'Connections to Postgres, by what they do (in_use, idle), and work that waits for one (waiting)',
  labelNames: ['state'] as const,
  collect() {
    const states = [...pools].map((pool) => pool.state())
    const sum = (of: (state: (typeof states)[number]) => number) =>
      states.reduce((total, state) => total + of(state), 0)
    this.set(
      { state: 'in_use' },
      sum(({ acquiredConnections }) => acquiredConnections),
    )
    this.set(
      { state: 'idle' },
      sum(({ idleConnections }) => idleConnections),
    )
    this.set(
      { state: 'waiting' },
      sum(({ waitingClients }) => waitingClients),
    )
  },
})

/** Shows the connections of a service's pool. */
export function measurePool(pool: DatabasePool): void {
  pools.add(pool)
}

/** Measures how long work waits for a connection. */
export function createWaitMeter(): Interceptor {
  // Slonik hands the same context to both.
  const since = new WeakMap<object, number>()
  return {
    name: 'measure-wait',
    beforePoolConnection(context) {
      since.set(context, performance.now())
      return null
    },
    afterPoolConnection(context) {
      waited.observe((performance.now() - (since.get(context) ?? performance.now())) / 1000)
      return null
    },
  }
}
