import { setTimeout as delay } from 'node:timers/promises'

/**
 * `transient`: the same call will work later (network, outage, lock conflict). `poison`: it will never work for this
 * data (the database refuses the values, a record is too large for its topic). `unknown`: nobody thought of it, so the
 * process must end, uncommitted.
 */
export type ErrorClass = 'transient' | 'poison' | 'unknown'

const networkCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'],
  ...['EAI_AGAIN', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
])

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const transientSqlStates = /^(08...|53...|57P0[1-5]|57014|40001|40P01|55P03|25P0[34]|25006|XX000)$/
const poisonSqlStates = /^(21|22|23|54)...$/

// Slonik gives these no code of their own, and the first two no cause with one.
const transientSlonikErrors = new Set([
  ...['BackendTerminatedError', 'BackendTerminatedUnexpectedlyError', 'ConnectionError', 'IdleTransactionTimeoutError'],
  ...['StatementTimeoutError', 'StatementCancelledError', 'UnexpectedForeignConnectionError'],
])

// https://grpc.io/docs/guides/status-codes/: CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE,
// INTERNAL (a broken connection), UNAUTHENTICATED (an expired token)
const transientGrpcCodes = new Set([1, 4, 8, 10, 13, 14, 16])

// These have no code. The first are node-postgres' (packages/pg/lib/client.js), the next is slonik's word for a
// connection that was closed under a transaction (packages/driver/src/factories/createDriverFactory.ts), the last
// kafkajs' for one that a broker accepted and on which it then said nothing (src/broker/index.js), and for a consumer that
// has met an error and begins anew (src/consumer/index.js).
const lostConnection =
  /^(Connection terminated|Client has encountered a connection error|timeout expired|Client is (pending destroy|destroyed)\.|Broker not connected$|Consumer group was not initialized)/

/** Which of the three an error is. Follows `cause` and `errors`; the outermost known answer counts. */
export function classify(error: unknown): ErrorClass {
  for (const at of causesOf(error)) {
    const { name, code, retriable, transient } = at as Error & Record<string, unknown>
    if (transient === true || retriable === true) return 'transient'
    if (name === 'KafkaJSNumberOfRetriesExceeded' || name === 'TimeoutError') return 'transient'
    if (transientSlonikErrors.has(at.constructor.name)) return 'transient'
    if (at.constructor.name === 'InvalidInputError' || isTooLargeType(at)) return 'poison'
    if (typeof code === 'string' && networkCodes.has(code)) return 'transient'
    if (typeof code === 'string' && transientSqlStates.test(code)) return 'transient'
    if (typeof code === 'string' && poisonSqlStates.test(code)) return 'poison'
    // Kafka's codes are other numbers, and `retriable` has told what they mean.
    if (typeof code === 'number' && retriable === undefined && transientGrpcCodes.has(code)) return 'transient'
    if (lostConnection.test(at.message)) return 'transient'
    if (at instanceof AggregateError && at.errors.length > 0 && at.errors.every((one) => classify(one) === 'transient'))
      return 'transient'
  }
  return 'unknown'
}

// Of the transient ones: cancelled for its length (as a statement or transaction), out of memory, beyond a configured
// limit, an internal error; and gRPC's DEADLINE_EXCEEDED and INTERNAL. Not a full disk or too many connections, which are
// nobody's record.
const doubtfulCodes = ['57014', '25P04', '53000', '53200', '53400', 'XX000', 4, 13]

/**
 * Whether a transient error may as well come from the data it happens with: then it is poison if it happens with that
 * alone.
 */
export function mayBePoison(error: unknown): boolean {
  const isTimeout = [...causesOf(error)].some((at) => at.constructor.name === 'StatementTimeoutError')
  return classify(error) === 'transient' && (isTimeout || hasCode(error, ...doubtfulCodes))
}

/**
 * Whether an error or one of its causes carries one of `codes`: an SQLSTATE
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html), a code of Node ("ENOENT") or a number of gRPC.
 */
export function hasCode(error: unknown, ...codes: readonly (string | number)[]): boolean {
  for (const { code } of causesOf(error) as Iterable<Error & { code?: string | number }>)
    if (code !== undefined && codes.includes(code)) return true
  return false
}

/** Kafka's names of it: https://kafka.apache.org/protocol#protocol_error_codes */
function isTooLargeType(error: Error & { type?: unknown }): boolean {
  return error.type === 'MESSAGE_TOO_LARGE' || error.type === 'RECORD_LIST_TOO_LARGE'
}

/** Whether a record is larger than its topic takes, found by us or by the broker. */
export function isTooLarge(error: unknown): boolean {
  return [...causesOf(error)].some(isTooLargeType)
}

/** A record is larger than its topic takes. */
export class TooLargeError extends Error {
  readonly type = 'MESSAGE_TOO_LARGE'
  constructor(message: string) {
    super(message)
    this.name = 'TooLargeError'
  }
}

/** An error, its cause, the cause's cause, … down to a depth that also ends a chain that leads back to itself. */
function* causesOf(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) yield at
}

/** Marks an error as one that goes away by itself. */
export class TransientError extends Error {
  readonly transient = true
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TransientError'
  }
}

/**
 * Ms to wait after the failed attempt number `attempt` (from 1): `firstMs`, doubled with each attempt up to `maxMs`.
 * Half of it is random, by `random` in [0, 1]; with 1 it is all of it.
 */
export function backOffMs({ firstMs, maxMs }: { firstMs: number; maxMs: number }, attempt: number, random: number) {
  const full = Math.min(firstMs * 2 ** (attempt - 1), maxMs)
  return Math.round(full / 2 + (full / 2) * random)
}

/** Of work that is repeated in place. */
const retryBackOff = { firstMs: 100, maxMs: 5000 }

export type RetryOptions = {
  /** Ends the waiting: the last error is thrown. */
  signal: AbortSignal
  onRetry?(error: unknown, attempt: number): void
}

/** Repeats `work` for as long as its errors are transient; any other error is thrown at once. */
export async function retryTransient<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (classify(error) !== 'transient' || options.signal.aborted) throw error
      options.onRetry?.(error, attempt)
      await delay(backOffMs(retryBackOff, attempt, Math.random()), undefined, { signal: options.signal }).catch(() => {
        throw error
      })
    }
  }
}
