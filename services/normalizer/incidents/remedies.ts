import type { ValueProblem } from '../understand/normalize.ts'
import type { PayloadProblem } from '../understand/understand.ts'

/** What to do about payloads that are refused as a whole. */
export const payloadRemedies: Record<Exclude<PayloadProblem, 'conflict'>, string> = {
  unparsable: 'Mend the module.',
  'too-deep': 'Mend the module, or raise MAX_DEPTH.',
  'too-many-leaves': 'Let the module send smaller payloads, or raise MAX_LEAVES.',
  'company-id': 'Mend the module: company ids are decimal integers.',
  'unknown-company': 'Create the company, or take it out of the module.',
  'unknown-source': 'Create the data source again, or stop the module.',
  'wrong-source': 'Let the module use the token of its own data source.',
  'no-raw-data': 'Mend the module.',
  'observed-at': 'Mend the module, or set OLDEST_OBSERVED_AT earlier.',
  'no-map': 'Do the handshake with the module.',
  'map-missing': 'Do the handshake with the module again.',
  'map-unusable': 'Do the handshake again with a module that sends a proper map.',
}

const retype = 'Correct the type in the module’s map and do the handshake again, or mend the module.'
const mendMap = 'Mend the module’s map and do the handshake again.'

/** What to do about values that are refused; a re-drive stores them then. */
export const valueRemedies: Record<ValueProblem, string> = {
  'wrong-kind': retype,
  'not-a-number': retype,
  'out-of-range': 'Make it text in the module’s map and do the handshake again.',
  'not-a-bool': retype,
  'not-a-date': retype,
  'ambiguous-date': 'Let the module send ISO 8601, or make it text in its map and do the handshake again.',
  'unstorable-text': 'Mend the module: text with NUL or half a character cannot be stored.',
  'not-an-object': 'Give it a type of values in the module’s map and do the handshake again, or mend the module.',
  'duplicate-key': 'Mend the module: the later member of that name is stored.',
  'unknown-measurement': 'Do the handshake again: the measurement was deleted, or is another source’s.',
  'no-measurement-id': mendMap,
  'doubled-measurement-id': mendMap,
  'unknown-type': mendMap,
  'bad-entry': mendMap,
}

/** What to do about whatever is refused for this reason. */
export function remedyOf(reason: string): string {
  const remedies: Record<string, string | undefined> = { ...payloadRemedies, ...valueRemedies }
  return remedies[reason] ?? ''
}
