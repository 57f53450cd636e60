import { emptyState, type SignalState, stateVersion } from '../signals/state.ts'

// A signal state as bytes: a quarter of its JSON, and several times faster. The format's version, the number of fields,
// then each field in the order of emptyState: how many numbers, how they are written, the numbers; or JSON.

const format = 1
const empty = emptyState()
const fields = Object.keys(empty) as (keyof SignalState)[]
/** Doubles; or whole numbers as differences, or as differences of differences, in base 128 with the sign in front. */
const [doubles, differences, secondDifferences, json] = [0, 1, 2, 3] as const

let bytes = Buffer.alloc(65_536)
let at = 0

/** `eventNo`: of the value that the state saw last. */
export function encodeSignal(eventNo: number, state: SignalState): Buffer {
  at = 0
  bytes[at++] = format
  bytes[at++] = fields.length
  writeNumbers([eventNo])
  for (const field of fields) {
    const value: unknown = state[field]
    const numbers = typeof value === 'number' ? [value] : value
    if (isNumbers(numbers)) writeNumbers(numbers, field === 'times' ? secondDifferences : differences)
    else writeJson(value)
  }
  return Buffer.from(bytes.subarray(0, at))
}

/** Null if these bytes are no state of this version after this event. */
export function decodeSignal(eventNo: number, encoded: Buffer): SignalState | null {
  if (encoded[0] !== format || encoded[1] !== fields.length) return null
  const reader = { bytes: encoded, at: 2 }
  if ((readField(reader) as number[])[0] !== eventNo) return null
  const state: Record<string, unknown> = {}
  for (const field of fields) {
    const value = readField(reader)
    state[field] = typeof empty[field] === 'number' ? (value as number[])[0] : value
  }
  return state['version'] === stateVersion ? (state as SignalState) : null
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number')
}

function writeJson(value: unknown): void {
  const text = Buffer.from(JSON.stringify(value))
  makeRoom(text.length)
  writeWhole(text.length)
  bytes[at++] = json
  at += text.copy(bytes, at)
}

function makeRoom(count: number): void {
  while (bytes.length < at + count + 20) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
}

function writeNumbers(numbers: readonly number[], wanted: number = differences): void {
  makeRoom(numbers.length * 9)
  writeWhole(numbers.length)
  const start = at
  bytes[at++] = wanted
  if (writeDifferences(numbers, wanted === secondDifferences)) return
  at = start
  bytes[at++] = doubles
  for (const number of numbers) at = bytes.writeDoubleLE(number, at)
}

/** False if some are not whole, or so large that they would not come back exactly. */
function writeDifferences(numbers: readonly number[], second: boolean): boolean {
  let last = 0
  let change = 0
  for (const number of numbers) {
    if (!(Math.abs(number) < maxWhole) || !Number.isInteger(number) || Object.is(number, -0)) return false
    const next = number - last
    const written = second ? next - change : next
    writeWhole(written < 0 ? -2 * written - 1 : 2 * written)
    change = next
    last = number
  }
  return true
}

const maxWhole = 2 ** 49

function writeWhole(whole: number): void {
  let rest = whole
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
}

type Reader = { bytes: Buffer; at: number }

function readField(reader: Reader): unknown {
  const count = readWhole(reader)
  const kind = reader.bytes[reader.at++]!
  if (kind !== json) return readNumbers(reader, count, kind)
  const text = reader.bytes.toString('utf8', reader.at, reader.at + count)
  reader.at += count
  return JSON.parse(text)
}

function readNumbers(reader: Reader, count: number, kind: number): number[] {
  const numbers: number[] = []
  let last = 0
  let change = 0
  for (let i = 0; i < count; i++) {
    if (kind === doubles) {
      numbers.push(reader.bytes.readDoubleLE(reader.at))
      reader.at += 8
      continue
    }
    const whole = readWhole(reader)
    const read = whole % 2 === 1 ? -(whole + 1) / 2 : whole / 2
    change = kind === secondDifferences ? change + read : read
    last += change
    numbers.push(last)
  }
  return numbers
}

function readWhole(reader: Reader): number {
  let whole = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = reader.bytes[reader.at++]!
    whole += (byte & 127) * factor
    if (byte < 128) return whole
  }
}
