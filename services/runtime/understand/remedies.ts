import type { ValueProblem } from './normalize.ts'
import type { PayloadProblem } from './understand.ts'

/** What to do about refused payloads. */
export const payloadRemedies: Record<Exclude<PayloadProblem, 'conflict'>, string> = {
  unparsable: 'Fix the module.',
  'too-deep': 'Fix the module, or raise MAX_DEPTH.',
  'too-many-leaves': 'Make the module send smaller payloads, or raise MAX_LEAVES.',
  'company-id': 'Fix the module: company ids are decimal integers.',
  'unknown-company': 'Create the company, or remove it from the module.',
  'unknown-source': 'Create the data source again, or stop the module.',
  'wrong-source': 'Make the module use the token of its own data source.',
  'no-raw-data': 'Fix the module: a body needs an object raw_data.',
  'observed-at': 'Fix the module, or set OLDEST_OBSERVED_AT to an earlier day.',
  'no-map': 'Do the handshake with the module.',
  'map-missing': 'Run `parma maps publish`, in case the topic has lost it, or do the handshake with the module again.',
  'map-unusable': 'Fix the module’s map, then do the handshake again.',
}

const retype = 'Correct the type in the module’s map and do the handshake again, or fix the module.'
const fixMap = 'Fix the module’s map, then do the handshake again.'

/** What to do about refused values. A re-drive then stores them. */
export const valueRemedies: Record<ValueProblem, string> = {
  'wrong-kind': retype,
  'not-a-number': retype,
  'out-of-range': 'Make it text in the module’s map, then do the handshake again.',
  'not-a-bool': retype,
  'not-a-date': retype,
  'no-such-date': 'Fix the module: it sends a day or time that does not exist, such as 30 February.',
  'ambiguous-date': 'Make the module send ISO 8601, or make it text in its map and do the handshake again.',
  'unstorable-text': 'Fix the module: text with NUL or half of a surrogate pair cannot be stored.',
  'not-an-object':
    'Give it a type other than nested in the module’s map and do the handshake again, or fix the module.',
  'duplicate-key': 'Fix the module: an object has two members of this name, and only the later one is stored.',
  'unknown-measurement': 'Do the handshake again: the measurement was deleted, or belongs to another source.',
  'no-measurement-id': fixMap,
  'doubled-measurement-id': fixMap,
  'unknown-type': fixMap,
  'bad-entry': fixMap,
}

/** What to do about this reason; empty if it is unknown. */
export function remedyOf(reason: string): string {
  const remedies: Record<string, string | undefined> = { ...payloadRemedies, ...valueRemedies }
  return remedies[reason] ?? ''
}
