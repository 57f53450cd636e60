/** The text of a regular expression for a uuid in lower case, without anchors. */
export const uuidSource = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'

const uuid = new RegExp(`^${uuidSource}$`)

/** Whether a text is a uuid as all ids of ours are written. */
export function isUuid(text: string): boolean {
  return uuid.test(text)
}

// https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp; Postgres holds more.
const firstMs = Date.parse('0001-01-01T00:00:00Z')
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/** Whether a time (ms since 1970) lies in the years 1 to 9999, which every store can hold. */
export function isStorableTime(ms: number): boolean {
  return ms >= firstMs && ms <= lastMs
}
