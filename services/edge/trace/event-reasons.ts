/**
 * Why a stage of an event is not simply done, and what to do about it: the closed list of `reason`. Those of refused
 * payloads are the normalizer's own words.
 */
export const remedies = {
  // accepted → stored
  'not-asked':
    'Give the edge FIREBASE_ADMINSDK_CERTIFICATE, or FIRESTORE_EMULATOR_HOST: it cannot look into Firestore.',
  'no-answer': 'Ask again: the server that knows did not answer.',
  'not-migrated': 'Run `parma migrate`: the service has no tables yet, or the edge may not read them.',
  'data-truncated': 'Nothing: the field `data` is cut to what Firestore holds, the exact bytes lie beside it.',
  'no-data': 'Look at `data_error` of the raw document: its body is kept byte for byte, but cannot be shown as `data`.',
  // stored → normalized
  'company-id': 'Send a company id that is an integer; the raw document is kept.',
  'unknown-company':
    'Add the company (`parma companies add`, or in parma-web), then run `parma redrive` for this reason.',
  'unknown-source':
    'Add the data source (`parma sources add`, or in parma-web), then run `parma redrive` for this reason.',
  'wrong-source': 'Have the module feed under the name of its own data source.',
  'no-raw-data': 'Send an object as `raw_data`.',
  'observed-at': 'Send an `observed_at` that is not in the future, nor before OLDEST_OBSERVED_AT of the normalizer.',
  'no-map': 'Do the handshake with the module (GET /handshake), then run `parma redrive` for this reason.',
  'map-missing': 'Do the handshake with the module again, then run `parma redrive` for this reason.',
  'map-unusable':
    'Do the handshake again with a module that sends a proper map, then run `parma redrive` for this reason.',
  unparsable: 'Send a body that is JSON in UTF-8.',
  'too-deep': 'Send less deep a payload, or raise MAX_DEPTH of the normalizer and run `parma redrive` for this reason.',
  'too-many-leaves': 'Send it in parts, or raise MAX_LEAVES of the normalizer and run `parma redrive` for this reason.',
  conflict: 'Give each payload an Idempotency-Key of its own: this one came before with another body.',
  refused: 'See `detail`, mend the cause, then run `parma redrive`.',
  'values-refused':
    'See normalizer.refused for which values and why, correct the map of the module, then run `parma redrive`.',
  'nothing-mapped':
    'Add what the module sends to its map, do the handshake again, then run `parma redrive --reason unmapped`.',
  // normalized → judged
  'no-news': 'Nothing: no rule fired, and nothing changed that is news.',
  // judged → notified
  silent: 'Nothing: history, replays and first values become news without a message.',
  'kept-back': 'Nothing: whoever would hear it has muted it or was told the same story already, see `detail`.',
  'nobody-to-notify': 'Subscribe somebody who has a channel (`parma subscriptions add`, `parma channels add`).',
  'delivery-failed': 'See `detail` and mend the channel (`parma channels ls`): this message is not tried again.',
  'delivery-unknown':
    'See `detail`, and look into the channel: whether the message arrived is being found out, or cannot be.',
  // any
  'dead-lettered': 'See `detail`, mend the cause, and give the record back with `parma dlq replay`.',
  'earlier-stage': 'Nothing: an earlier stage has stopped, and says what to do.',
} as const

export type Reason = keyof typeof remedies

/** The reason of a payload that the normalizer refused as a whole. */
export function refusalReason(text: string): Reason {
  return Object.hasOwn(remedies, text) ? (text as Reason) : 'refused'
}
