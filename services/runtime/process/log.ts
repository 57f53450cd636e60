import { type DestinationStream, pino } from 'pino'

/** Members of a logged object whose values never reach the log. */
const secretNames = ['authorization', 'password', 'secret', 'token', 'secret_id', 'apiKey', 'cookie']

/** Names of levels in Google Cloud: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity */
const severities: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
}

/** The forms of log lines; Google Cloud knows a line's severity and text only under names of its own. */
export const logFormats = ['json', 'gcp'] as const
export type LogFormat = (typeof logFormats)[number]

/**
 * One JSON line each: `snake_case` event as message, fields beside it, secrets redacted, errors with type and stack.
 */
export function createLog(service: string, level: string, format: LogFormat = 'json', to?: DestinationStream) {
  const isGoogle = format === 'gcp'
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => (isGoogle ? { severity: severities[label] } : { level: label }) },
    ...(isGoogle && { messageKey: 'message' }),
    serializers: { error: pino.stdSerializers.err },
    redact: {
      paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.headers.${name}`]),
      censor: '[redacted]',
    },
  }
  return to ? pino(options, to) : pino(options)
}
export type Log = ReturnType<typeof createLog>
