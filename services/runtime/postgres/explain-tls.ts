const tlsFailure =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET|DECRYPT|DECODE)_|HOSTNAME_MISMATCH|EPROTO)/
/** node-postgres gives it no code (packages/pg/lib/connection.js). */
const noTls = /The server does not support SSL connections|There was an error establishing an SSL connection/

/** Throws an error that says what to do when `cause`, or what caused it, is a TLS connection that did not come about. */
export function explainTls(host: string, cause: unknown): void {
  for (let at = cause, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (noTls.test(at.message))
      throw new Error(
        `Postgres at ${host} has no TLS: switch it on there, or set DATABASE_SSLMODE=disable to send everything in plain text.`,
        { cause },
      )
    const { code } = at as NodeJS.ErrnoException
    if (typeof code === 'string' && tlsFailure.test(code))
      throw new Error(
        `The certificate of Postgres at ${host} is not accepted (${code}): set DATABASE_CA to its authority, or correct the host.`,
        { cause },
      )
  }
}
