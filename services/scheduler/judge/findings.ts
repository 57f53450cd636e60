/**
 * What can be wrong with a module: the section of the contract that says what is right, and what to do. Commands print
 * these names, and scripts compare them.
 */
const kinds = {
  slow: ['4', 'Answer in time: crawl less per call, or raise max_run_seconds of the source.'],
  redirect: ['4', 'Answer at this address: redirects are not followed, because the call carries a token.'],
  'too-large': ['4', 'Answer with the few members of the contract. Payloads go to /feed-raw-data.'],
  'broken-answer': ['4', 'Send whole HTTP answers: the connection broke off within one.'],
  'wrong-status': ['4', 'Answer 200.'],
  'content-type': ['4.2', 'Send `Content-Type: application/json` with each JSON body, in calls and in answers.'],
  'invalid-json': ['4', 'Send JSON (RFC 8259) in UTF-8. Python’s NaN and Infinity are none.'],
  'wrong-literal': ['4', 'Answer exactly what the section says.'],
  'wrong-map': ['5', 'Correct the entry of the normalization map.'],
  'not-registered': [
    '3.3',
    'POST each entry of the map to /source-measurement during /initialize, and write the id into it.',
  ],
  'registered-twice': ['3.3', 'POST each entry of the map once per handshake, parents before their children.'],
  'token-missing': [
    '2',
    'Send `Authorization: Bearer <token>` with each call, with the token of the call that you serve.',
  ],
  'token-wrong': ['2', 'Send back the very token of the call that you serve, unchanged.'],
  'token-in-url': ['2', 'Send the token in the header only: addresses are logged.'],
  'token-refused': [
    '2',
    'Start the module with the same PARMA_SHARED_SECRET_KEY. It checks the signature and `exp` of the outer token only.',
  ],
  'token-not-checked': [
    '2',
    'Check signature and `exp` of the token with PARMA_SHARED_SECRET_KEY, and answer 401 without a right one.',
  ],
  'unknown-route': [
    '3',
    'Call only /source-measurement, /feed-raw-data and /crawling-finished, at the root of the host.',
  ],
  'wrong-body': ['3', 'Send the members with the types that the section says.'],
  'wrong-source': ['3.7', 'Use one source name everywhere: the map’s Source, and source_name of each payload.'],
  'wrong-company': [
    '4.3',
    'Feed and report only companies that were asked for, by the ids that they have in the request.',
  ],
  'duplicate-keys': ['3.7', 'Give each member of an object another name: of two, only the later one is stored.'],
  'lost-digits': ['3.7', 'Send ids of more than 15 digits as text: as numbers they lose digits.'],
  'bad-date': ['11', 'Send dates in ISO 8601 with an offset, such as 2026-01-31T12:00:00Z.'],
  'refused-value': ['11', 'Correct the DataType in the map, or the value.'],
  unmapped: ['5', 'Add an entry to the map for what you send, or leave it out: it is kept, and never becomes a value.'],
  'unstable-items': [
    '11',
    'Give items a member that never changes (url, id, name), or name it with ItemKey in the map.',
  ],
  'unstable-subject': ['11', 'Give the payload a url or id that is the same in each crawl.'],
  zeros: ['6', 'Where something cannot be read, report an error for the company and send nothing.'],
  'same-content': ['6', 'Feed each company its own content: look for state that is kept from one company to the next.'],
  'missing-finish': ['3.8', 'POST /crawling-finished once at the end of each run, also when companies failed.'],
  'doubled-finish': ['3.8', 'POST /crawling-finished once per run.'],
  'late-finish': ['4.3', 'Feed all and finish before you answer /companies.'],
  'feed-after-finish': ['3.8', 'POST /crawling-finished after the last payload.'],
  'wrong-task': ['3.8', 'Send back the task_id of the request.'],
  'unreported-error': [
    '3.8',
    'For each company that brought no payload send an entry in `errors`, with error_type and error_description.',
  ],
} as const satisfies Record<string, readonly [section: string, remedy: string]>
export type Kind = keyof typeof kinds

/** `where`: a call, such as `POST /discover`, and what of it. `count`: how often it was seen; `message` is of the first. */
export type Finding = { kind: Kind; where: string; message: string; contract: string; remedy: string; count: number }

/** Gathers what is wrong, each kind once per place. Advice is what works but is not as it should be. */
export type Findings = {
  defect(kind: Kind, where: string, message: string, section?: string): void
  advice(kind: Kind, where: string, message: string, section?: string): void
  /** Something that could not be checked, and why. */
  skip(what: string): void
  readonly defects: Finding[]
  readonly advices: Finding[]
  readonly skipped: string[]
}

export function createFindings(): Findings {
  const [defects, advices]: [Finding[], Finding[]] = [[], []]
  const skipped: string[] = []
  const add =
    (list: Finding[]) =>
    (kind: Kind, where: string, message: string, section: string = kinds[kind][0]) => {
      const known = list.find((one) => one.kind === kind && one.where === where)
      if (known) known.count++
      else list.push({ kind, where, message, contract: section, remedy: kinds[kind][1], count: 1 })
    }
  return {
    defects,
    advices,
    skipped,
    defect: add(defects),
    advice: add(advices),
    skip: (what) => void skipped.push(what),
  }
}
