import type { Resolver } from 'avsc'
import { Tap } from 'avsc/lib/utils.js'

/** These bytes can never be read. */
export class DecodeError extends Error {
  readonly reason: 'null-value' | 'too-short' | 'wrong-magic-byte' | 'unknown-schema-id' | 'undecodable'
  constructor(reason: DecodeError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DecodeError'
    this.reason = reason
  }
}

/**
 * avsc takes what lies behind the end of its buffer for zeros and looks only afterwards whether it went too far
 * (https://github.com/mtth/avsc/blob/v5.7.9/lib/utils.js, Tap). A garbled array length then keeps it busy for hours and
 * fills the memory. This reader stops at the end.
 */
class StrictTap extends Tap {
  #expect(bytes: number): void {
    if (!(bytes >= 0 && this.pos + bytes <= this.buf.length))
      throw new RangeError(`ends early, at byte ${this.buf.length}`)
  }
  override readLong(): number {
    this.#expect(1)
    return super.readLong()
  }
  override readInt(): number {
    this.#expect(1)
    return super.readInt()
  }
  override skipLong(): void {
    this.#expect(1)
    super.skipLong()
  }
  override skipInt(): void {
    this.#expect(1)
    super.skipInt()
  }
  override readBoolean(): boolean {
    this.#expect(1)
    return super.readBoolean()
  }
  override skipBoolean(): void {
    this.#expect(1)
    super.skipBoolean()
  }
  override readFloat(): number {
    this.#expect(4)
    return super.readFloat()
  }
  override readDouble(): number {
    this.#expect(8)
    return super.readDouble()
  }
  override readFixed(length: number): Buffer {
    this.#expect(length)
    return super.readFixed(length)
  }
}

/** The value that `bytes` hold from `position` to their end. Throws when they hold less or more. */
export function readValue(resolver: Resolver, bytes: Buffer, position: number): unknown {
  const tap = new StrictTap(bytes, position)
  const value = (resolver as { _read(tap: StrictTap): unknown })._read(tap)
  if (tap.pos !== bytes.length) throw new RangeError(`the value ends at byte ${tap.pos} of ${bytes.length}`)
  return value
}
