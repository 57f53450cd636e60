import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** How a connection to Postgres is secured: what node-postgres takes as `ssl`. */
type DatabaseTls =
  | false
  | { rejectUnauthorized: boolean; ca?: string; cert?: string; key?: string; checkServerIdentity?: () => undefined }

type DatabaseAddress = {
  /** Without anything about TLS, because drivers read it in different ways. */
  url: string
  host: string
  tls: DatabaseTls
}

/** `require` verifies as `verify-full` does. `verify-ca` does not compare the name of the server. */
export const sslModes = ['disable', 'no-verify', 'require', 'verify-ca', 'verify-full'] as const
type SslMode = (typeof sslModes)[number]

export type AddressSettings = {
  DATABASE_URL: string
  DATABASE_CA?: string | undefined
  DATABASE_SSLMODE?: SslMode | undefined
  DEPLOYMENT_ENV: string
}

/** What is wrong with a DATABASE_URL, without a part of it; null: nothing. */
export function findAddressProblem(text: string): string | null {
  if (!/^postgres(ql)?:\/\//.test(text)) return 'not a postgres:// address'
  const url = URL.parse(text)
  if (!url) return 'not an address (special characters of user and password are written as %40 and the like)'
  try {
    for (const part of [url.hostname, url.username, url.password, url.pathname]) decodeURIComponent(part)
  } catch {
    return 'a % that is no part of an encoded character (write it as %25)'
  }
  const mode = url.searchParams.getAll('sslmode').at(-1)
  if (mode !== undefined && !isSslMode(mode)) return `its sslmode is none of ${sslModes.join(', ')}`
  return findFileProblem(url)
}

/** Whether a text is one or more certificates in PEM. */
export function isCertificate(text: string): boolean {
  try {
    createSecureContext({ ca: text })
    return text.includes('-----BEGIN CERTIFICATE-----')
  } catch {
    return false
  }
}

/**
 * Where Postgres is and how connections are secured. TLS is verified unless DATABASE_URL (`sslmode`) or
 * DATABASE_SSLMODE asks for something else, and always with an authority given. In DEPLOYMENT_ENV=local plain text is
 * the default. Sockets of this machine never have TLS.
 */
export function readDatabaseAddress(settings: AddressSettings): DatabaseAddress {
  const url = new URL(settings.DATABASE_URL)
  const given = url.searchParams.getAll('sslmode').at(-1)
  const ca = settings.DATABASE_CA ?? readFileOf(url, 'sslrootcert')
  const [cert, key] = [readFileOf(url, 'sslcert'), readFileOf(url, 'sslkey')]
  const byDefault = settings.DEPLOYMENT_ENV === 'local' && ca === undefined ? 'disable' : 'verify-full'
  const mode = given !== undefined && isSslMode(given) ? given : (settings.DATABASE_SSLMODE ?? byDefault)
  const host = decodeURIComponent(url.host) || (url.searchParams.get('host') ?? '')
  for (const name of tlsParameters) url.searchParams.delete(name)
  const tls: DatabaseTls = mode !== 'disable' &&
    !host.startsWith('/') && {
      rejectUnauthorized: mode !== 'no-verify',
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    }
  return { url: url.href, host, tls }
}

const tlsParameters = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'uselibpqcompat']

function isSslMode(text: string): text is SslMode {
  return (sslModes as readonly string[]).includes(text)
}

function findFileProblem(url: URL): string | null {
  for (const name of ['sslrootcert', 'sslcert', 'sslkey'])
    try {
      readFileOf(url, name)
    } catch {
      return `the file of its ${name} cannot be read`
    }
  if (url.searchParams.has('sslcert') !== url.searchParams.has('sslkey')) return 'sslcert and sslkey go together'
  return null
}

function readFileOf(url: URL, name: string): string | undefined {
  const path = url.searchParams.getAll(name).at(-1)
  return path ? readFileSync(path, 'utf8') : undefined
}
