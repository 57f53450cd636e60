import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeWrites,
  dropTransaction,
  encodeWrite,
  frame,
  joinCommits,
  unframe,
  type Write,
} from './firestore-writes.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const writes = fc.array(
  fc.record({ method: fc.constantFrom('Commit' as const, 'BatchWrite' as const), message: bytes }),
)

/** A length-delimited protobuf field. */
function field(number: number, value: Buffer): Buffer {
  const length = value.length < 128 ? [value.length] : [(value.length & 127) | 128, value.length >> 7]
  return Buffer.from([(number << 3) | 2, ...length, ...value])
}

test('a framed message is read back', () => {
  fc.assert(fc.property(bytes, (message) => void expect(unframe(frame(message))).toEqual(message)))
})

test('a commit loses its transaction and nothing else', () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (database, write, transaction) => {
      const before = [field(1, database), field(2, write)]
      const after = field(2, write)
      void expect(dropTransaction(Buffer.concat([...before, field(3, transaction), after]))).toEqual(
        Buffer.concat([...before, after]),
      )
    }),
  )
})

test('a journal is read up to where a crash cut it', () => {
  fc.assert(
    fc.property(writes, fc.nat(4), (written, cut) => {
      const whole = Buffer.concat(written.map(encodeWrite))
      expect(decodeWrites(whole)).toEqual({ writes: written, end: whole.length })
      const { writes: read } = decodeWrites(whole.subarray(0, Math.max(0, whole.length - cut)))
      expect(read).toEqual(cut === 0 ? written : written.slice(0, -1))
    }),
  )
})

test('joins neighbouring commits only, in order, within the limits', () => {
  fc.assert(
    fc.property(writes, (all) => {
      const groups = [...joinCommits(all, 500, 3)]
      expect(groups.flat()).toEqual(all)
      for (const group of groups.filter(({ length }) => length > 1)) {
        expect(group.every(({ method }: Write) => method === 'Commit')).toBe(true)
        expect(group.length).toBeLessThanOrEqual(3)
        expect(group.reduce((sum, { message }) => sum + message.length, 0)).toBeLessThanOrEqual(500)
      }
    }),
  )
})
