import { isObject, isRawNumber, type Json } from './parse.ts'

/** A value that Firestore can store. */
export type Legal = null | boolean | number | bigint | string | Legal[] | LegalMap
export type LegalMap = { [name: string]: Legal }

// https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields: 20 levels, names of 1,500 bytes.
// The emulator applies the limit to the whole path, so the path stays below it.
const maxDepth = 18
const maxPathBytes = 1200

type Place = { depth: number; pathBytes: number; inArray: boolean }
/** `whole`: nothing was left out. */
type Encoded = { value: Legal; bytes: number; whole: boolean }

/**
 * The legal Firestore form of a JSON object, cut to `room` bytes as Firestore counts them.
 *
 * | JSON | Firestore |
 * |---|---|
 * | null, boolean, string, object, array | the same |
 * | number | integer or double; integers of up to 64 bits keep all digits |
 * | member named `__…__`, `$…` or the empty name | the same, its name with a `$` in front |
 * | what Firestore cannot hold (see below) | a map `{ $json: "<its JSON text>" }` |
 *
 * Firestore cannot hold: an array directly in an array; everything below 18 levels; a number with more digits than fit;
 * a text or an object with a name that has half a surrogate pair; an object with a member whose path is longer than
 * 1,200 bytes.
 *
 * If the result is `whole`, it can be read back as the same JSON: a map with the single member `$json` stands for the
 * value of that text, and every other name loses one `$` in front. What does not fit is left out: of an object, whole
 * members, containers before scalars; of an array, everything from the first item that does not fit.
 */
export function encodeObject(
  object: { [name: string]: Json },
  room: number,
): { data: LegalMap; bytes: number; whole: boolean } {
  const { value, bytes, whole } = encode(object, { depth: 1, pathBytes: 0, inArray: false }, room) ?? empty
  return { data: value as LegalMap, bytes, whole }
}

const empty: Encoded = { value: {}, bytes: 0, whole: false }

/** Null: nothing of the value fits. */
function encode(value: Json, place: Place, room: number): Encoded | null {
  if (isRawNumber(value)) return encodeDigits(value.rawJSON, room)
  if (typeof value === 'string')
    return value.isWellFormed() ? fitting(value, sizeOfText(value), room) : encodeAsText(value, room)
  if (typeof value !== 'object' || value === null) return fitting(value, sizeOfScalar, room)
  if (place.depth > maxDepth) return encodeAsText(value, room)
  if (Array.isArray(value)) return place.inArray ? encodeAsText(value, room) : encodeItems(value, place, room)
  const isLegal = Object.keys(value).every(
    (name) => name.isWellFormed() && place.pathBytes + sizeOfText(name) <= maxPathBytes,
  )
  return isLegal ? encodeMembers(value, place, room) : encodeAsText(value, room)
}

function encodeMembers(object: { [name: string]: Json }, { depth, pathBytes }: Place, room: number): Encoded | null {
  if (room < sizeOfMap) return null
  const members: LegalMap = {}
  let bytes = sizeOfMap
  let whole = true
  const scalarsFirst = Object.entries(object).sort(([, a], [, b]) => Number(isContainer(a)) - Number(isContainer(b)))
  for (const [name, member] of scalarsFirst) {
    const legalName = /^(\$|__.*__$|$)/s.test(name) ? `$${name}` : name
    const nameBytes = sizeOfText(legalName)
    const place = { depth: depth + 1, pathBytes: pathBytes + nameBytes, inArray: false }
    const encoded = encode(member, place, room - bytes - nameBytes)
    whole &&= encoded?.whole ?? false
    if (!encoded) continue
    members[legalName] = encoded.value
    bytes += nameBytes + encoded.bytes
  }
  return { value: members, bytes, whole }
}

function encodeItems(array: Json[], { depth, pathBytes }: Place, room: number): Encoded | null {
  if (room < 0) return null
  const items: Legal[] = []
  let bytes = 0
  for (const item of array) {
    const encoded = encode(item, { depth: depth + 1, pathBytes, inArray: true }, room - bytes)
    if (encoded) items.push(encoded.value)
    bytes += encoded?.bytes ?? 0
    if (!encoded?.whole) return { value: items, bytes, whole: false }
  }
  return { value: items, bytes, whole: true }
}

function encodeDigits(digits: string, room: number): Encoded | null {
  const integer = /^-?[1-9]\d{0,18}$/.test(digits) ? BigInt(digits) : null
  if (integer !== null && BigInt.asIntN(64, integer) === integer) return fitting(integer, sizeOfScalar, room)
  return fitting({ $json: digits }, sizeOfMap + sizeOfText('$json') + sizeOfText(digits), room)
}

function encodeAsText(value: Json, room: number): Encoded | null {
  const text = JSON.stringify(value)
  return fitting({ $json: text }, sizeOfMap + sizeOfText('$json') + sizeOfText(text), room)
}

function fitting(value: Legal, bytes: number, room: number): Encoded | null {
  return bytes <= room ? { value, bytes, whole: true } : null
}

const isContainer = (value: Json) => isObject(value) || Array.isArray(value)

// https://firebase.google.com/docs/firestore/storage-size, rounded up
export const sizeOfScalar = 8
export const sizeOfMap = 32
export const sizeOfText = (text: string) => Buffer.byteLength(text) + 1
