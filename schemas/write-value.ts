import type { Type } from 'avsc'
import { Tap } from 'avsc/lib/utils.js'

/** The value does not fit its schema: a mistake in our own code. The message names each place, and shows no content. */
export class EncodeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EncodeError'
  }
}

/** Bytes of a schema id in front of a value: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format */
export const frameBytes = 5

/**
 * Makes a function that writes framed values: magic byte 0, schema id, Avro. It writes into one buffer, which grows to
 * the largest value and stays, and gives a copy of what it wrote.
 */
export function createWriter(): (type: Type, id: number, value: unknown) => Buffer {
  let buffer = Buffer.allocUnsafeSlow(64 * 1024)
  return (type, id, value) => {
    let end = write(type, value, buffer)
    if (end < 0) {
      // The missing bytes, negative; the next power of two leaves room for the next value.
      buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(buffer.length - end)))
      end = write(type, value, buffer)
    }
    buffer[0] = 0
    buffer.writeInt32BE(id, 1)
    return Buffer.from(buffer.subarray(0, end))
  }
}

/** A text of so many UTF-16 units takes 63 bytes at most, and their number one byte. */
const maxShort = 21

/**
 * avsc counts the bytes of a text and then writes those of a short one each by itself. This one writes short texts, as most
 * in an observation are, in one call: that saves a tenth of the normalizer's CPU.
 */
class QuickTap extends Tap {
  override writeString(text: string): void {
    const { buf, pos } = this
    if (text.length > maxShort || pos + 64 > buf.length) return super.writeString(text)
    const bytes = buf.write(text, pos + 1)
    // A zigzag varint.
    buf[pos] = bytes << 1
    this.pos = pos + 1 + bytes
  }
}

/** Where the value ends; or, if the buffer is too small for it, how many bytes it lacks, negative. */
function write(type: Type, value: unknown, buffer: Buffer): number {
  try {
    const tap = new QuickTap(buffer, frameBytes)
    ;(type as unknown as { _write(tap: Tap, value: unknown): void })._write(tap, value)
    return tap.pos <= buffer.length ? tap.pos : buffer.length - tap.pos
  } catch (error) {
    throw new EncodeError(`${type.name} cannot be written: ${describe(type, value) || (error as Error).message}`, {
      cause: error,
    })
  }
}

function describe(type: Type, value: unknown): string {
  const faults: string[] = []
  type.isValid(value, {
    errorHook: (path, found, expected) => {
      faults.push(`${path.join('.') || 'the value'} is ${kindOf(found)}, not ${nameOf(expected)}`)
    },
  })
  return faults.join('; ')
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}`
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? (value.constructor?.name ?? 'Object') : typeof value
}

function nameOf(type: Type): string {
  const branches = (type as { types?: readonly Type[] }).types ?? [type]
  return branches.map((branch) => branch.branchName).join(' or ')
}
