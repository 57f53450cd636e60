import { Gauge } from 'prom-client'

/** A producer of this process: what waits in it, and what may. */
type Buffer = { waitingBytes(): number; limitBytes: number }

const buffers = new Set<Buffer>()

new Gauge({
  name: 'parma_produce_buffer_bytes',
  help: 'Bytes of records that wait to be sent or to be acknowledged by the broker',
  collect() {
    this.set(sum(({ waitingBytes }) => waitingBytes()))
  },
})

new Gauge({
  name: 'parma_produce_buffer_limit_bytes',
  help: 'Bytes of records that may wait (PRODUCE_MAX_PENDING_BYTES of each producer); above that, new ones are rejected',
  collect() {
    this.set(sum(({ limitBytes }) => limitBytes))
  },
})

/** Shows how full `buffer` is. */
export function measureBuffer(buffer: Buffer): void {
  buffers.add(buffer)
}

function sum(of: (buffer: Buffer) => number): number {
  return [...buffers].reduce((total, buffer) => total + of(buffer), 0)
}
