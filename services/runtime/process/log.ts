import { pino } from 'pino'

/** Members of a logged object whose values never reach the log. */
const secretNames = ['authorization', 'password', 'secret', 'token', 'secret_id', 'apiKey', 'cookie']

/**
 * One JSON line each: `snake_case` event as message, fields beside it, secrets redacted, errors with type and stack.
 */
export function createLog(service: string, level: string) {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
    redact: {
      paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.headers.${name}`]),
      censor: '[redacted]',
    },
  })
}
export type Log = ReturnType<typeof createLog>
