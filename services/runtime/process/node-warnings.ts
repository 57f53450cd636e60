/**
 * Hands Node's warnings to `warn`, without the one that kafkajs 2.2.4 causes on Node 24 by asking for a timer in the
 * past now and then, which is harmless: https://github.com/tulios/kafkajs/issues/1751
 */
export function watchWarnings(warn: (warning: Error) => void): void {
  process.removeAllListeners('warning').on('warning', (warning) => {
    if (warning.name !== 'TimeoutNegativeWarning') warn(warning)
  })
}
