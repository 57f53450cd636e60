import { isUtf8 } from 'node:buffer'

/** The text is not UTF-8. The message says where. */
export class EncodingError extends Error {
  constructor(bytes: Buffer) {
    const at = locateInvalidUtf8(bytes) ?? 0
    super(`not UTF-8: byte 0x${bytes.toString('hex', at, at + 1)} at offset ${at}`)
    this.name = 'EncodingError'
  }
}

/** The text of bytes in UTF-8. Throws an EncodingError. */
export function readText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new EncodingError(bytes)
  return bytes.toString('utf8')
}

const windowBytes = 64 * 1024

/** Where `bytes` stops being UTF-8: the offset of the first byte of what is no character; null: nowhere. */
export function locateInvalidUtf8(bytes: Buffer): number | null {
  let at = 0
  for (let end = 0; at < bytes.length; at = end) {
    end = backToCharacter(bytes, Math.min(at + windowBytes, bytes.length))
    if (!isUtf8(bytes.subarray(at, end))) break
  }
  for (let length = 0; at < bytes.length; at += length) {
    length = lengthOf(bytes[at] as number)
    if (length === 0 || at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) return at
  }
  return null
}

/** The begin of the character in which `end` lies. */
function backToCharacter(bytes: Buffer, end: number): number {
  const isInside = (at: number) => at < bytes.length && ((bytes[at] as number) & 0xc0) === 0x80
  let at = end
  while (isInside(at) && at > end - 3) at--
  return at
}

/** The bytes of a character that begins so; 0: none does. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2) return 0
  if (first < 0xe0) return 2
  if (first < 0xf0) return 3
  return first < 0xf5 ? 4 : 0
}
