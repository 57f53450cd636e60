/**
 * Why a stage of an event is not simply done, and what to do about it: the closed list of `reason`. The reasons of
 * refused payloads are the normalizer's own.
 */
export const remedies = {
  // accepted → stored
  'not-asked':
    'The edge cannot read Firestore. Set FIREBASE_ADMINSDK_CERTIFICATE, FIRESTORE_PROJECT or FIRESTORE_EMULATOR_HOST for the edge.',
  'no-answer': 'Try again. The server that holds this fact did not answer.',
  'not-migrated': 'Run `parma migrate`. The service has no tables yet, or the edge may not read them.',
  'data-truncated':
    'Nothing to do. The field `data` is cut to what Firestore can hold. The exact bytes are stored beside it.',
  'no-data': 'Read `data_error` of the raw document. The body is kept byte for byte, but cannot be shown as `data`.',
  // stored → normalized
  'company-id': 'Send a company id that is an integer. The raw document is kept.',
  'unknown-company':
    'Add the company (`parma companies add`, or in parma-web), then run `parma redrive --reason unknown-company`.',
  'unknown-source':
    'Add the data source (`parma sources add`, or in parma-web), then run `parma redrive --reason unknown-source`.',
  'wrong-source': 'Correct the module: it must send payloads under the name of its own data source.',
  'no-raw-data': 'Send an object as `raw_data`.',
  'observed-at': 'Send an `observed_at` that is not in the future and not before OLDEST_OBSERVED_AT of the normalizer.',
  'no-map': 'Initialise the module (GET /handshake), then run `parma redrive --reason no-map`.',
  'map-missing': 'Initialise the module again (GET /handshake), then run `parma redrive --reason map-missing`.',
  'map-unusable':
    'Correct the map of the module, initialise the module again (GET /handshake), then run `parma redrive --reason map-unusable`.',
  unparsable: 'Send a body that is JSON in UTF-8.',
  'too-deep':
    'Send a payload with less nesting, or raise MAX_DEPTH of the normalizer and run `parma redrive --reason too-deep`.',
  'too-many-leaves':
    'Send the payload in parts, or raise MAX_LEAVES of the normalizer and run `parma redrive --reason too-many-leaves`.',
  conflict: 'Send each payload with its own Idempotency-Key. This key was already used with another body.',
  refused: 'Remove the cause that `detail` names, then run `parma redrive`.',
  'values-refused':
    'Run `parma refused ls` to see which values and why. Correct the map of the module, then run `parma redrive`.',
  'nothing-mapped':
    'Add what the module sends to its map, initialise the module again, then run `parma redrive --reason unmapped`.',
  // normalized → judged
  'no-news': 'Nothing to do. No rule fired, and no change was large enough for a news item.',
  // judged → notified
  silent: 'Nothing to do. History, replays and first values become news items without a message.',
  'kept-back': 'Nothing to do. Every recipient muted the news item or already got one like it; see `detail`.',
  'nobody-to-notify': 'Subscribe a person who has a channel (`parma subscriptions add`, `parma channels add`).',
  'delivery-failed': 'Repair the channel (`parma channels ls`); see `detail`. This message is not retried.',
  'delivery-unknown':
    'Look into the channel; see `detail`. The notifier is finding out whether the message arrived, or cannot know.',
  // any
  'dead-lettered': 'Remove the cause that `detail` names, then replay the record with `parma dlq replay`.',
  'earlier-stage': 'Nothing to do here. An earlier stage has stopped and names its remedy.',
} as const

export type Reason = keyof typeof remedies

/** The reason of a payload that the normalizer refused as a whole. */
export function refusalReason(text: string): Reason {
  return Object.hasOwn(remedies, text) ? (text as Reason) : 'refused'
}
