import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { readEnv } from '../process/config.ts'
import type { Env } from '../process/legacy-env.ts'
import { postgresSettings } from '../process/settings.ts'
import { openPool } from './database.ts'
import { migrate } from './migrate.ts'

const dir = mkdtempSync(join(tmpdir(), 'postgres-tls-'))
afterAll(() => rmSync(dir, { recursive: true }))
const [store, passphrase] = [join(dir, 'store.p12'), 'changeit']
const keytool = (...args: string[]) =>
  execFileSync('keytool', [...args, '-alias', 'db', '-keystore', store, '-storepass', passphrase], { stdio: 'pipe' })
keytool(
  ...['-genkeypair', '-keyalg', 'EC', '-validity', '2', '-dname', 'CN=localhost'],
  ...['-ext', 'san=dns:localhost'],
)
const ca = keytool('-exportcert', '-rfc').toString()
const caFile = join(dir, 'ca.pem')
writeFileSync(caFile, ca)

const sslRequest = 80877103
const refusal = ['SFATAL', 'C28P01', 'Mno such user', '', ''].join('\0')
const errorResponse = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), Buffer.from(refusal, 'latin1')])
errorResponse.writeInt32BE(errorResponse.length - 1, 1)

/** A server of Postgres' protocol that refuses every user, and how their start-up messages came. */
async function serve({ hasTls = true } = {}): Promise<{ port: number; came: string[] }> {
  const came: string[] = []
  const takeUser = (socket: Socket, how: string) =>
    socket.once('data', () => {
      came.push(how)
      socket.end(errorResponse)
    })
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (first: Buffer) => {
      if (first.readInt32BE(4) !== sslRequest) {
        came.push('plain')
        return socket.end(errorResponse)
      }
      socket.write(hasTls ? 'S' : 'N')
      if (!hasTls) return
      const secureContext = createSecureContext({ pfx: readFileSync(store), passphrase })
      const secure = new TLSSocket(socket, { isServer: true, secureContext })
      takeUser(
        secure.on('error', () => undefined),
        'tls',
      )
    })
  }).listen(0)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, came }
}

/** How the user's name came to the server, and what the connection failed with: the server refuses all users. */
async function connect(env: Env, { host = 'localhost', query = '', hasTls = true } = {}) {
  const { port, came } = await serve({ hasTls })
  const settings = readEnv(postgresSettings, {
    DATABASE_URL: `postgres://parma:p@${host}:${port}/parma${query}`,
    ...env,
  })
  const failures = []
  for (const open of [() => openPool(settings), () => migrate(settings, 'edge', dir, true)])
    failures.push(await open().then(String, (error: Error) => error.message))
  return { came: [...new Set(came)].join(), message: failures.join(' ') }
}

describe('a connection to Postgres', () => {
  test.each<[string, Env, { host?: string; query?: string; hasTls?: boolean }, string, RegExp]>([
    ['is verified by an authority alone', { DATABASE_CA: ca }, {}, 'tls', /no such user/],
    ['also in a local installation', { DATABASE_CA: ca, DEPLOYMENT_ENV: 'local' }, {}, 'tls', /no such user/],
    ['also by an authority in the address', {}, { query: `?sslrootcert=${caFile}` }, 'tls', /no such user/],
    ['also with sslmode=verify-full', { DATABASE_CA: ca }, { query: '?sslmode=verify-full' }, 'tls', /no such user/],
    ['is TLS by default, and refuses a stranger', {}, {}, '', /certificate of Postgres.*DATABASE_CA/],
    ['refuses another name', { DATABASE_CA: ca }, { host: '127.0.0.1' }, '', /ERR_TLS_CERT_ALTNAME_INVALID/],
    [
      'takes another name with verify-ca',
      { DATABASE_CA: ca, DATABASE_SSLMODE: 'verify-ca' },
      { host: '127.0.0.1' },
      'tls',
      /no such user/,
    ],
    ['takes a stranger with no-verify', {}, { query: '?sslmode=no-verify' }, 'tls', /no such user/],
    [
      'never falls back to plain text',
      { DATABASE_CA: ca },
      { hasTls: false },
      '',
      /has no TLS.*DATABASE_SSLMODE=disable/,
    ],
    ['is plain text where the address asks for it', {}, { query: '?sslmode=disable' }, 'plain', /no such user/],
    ['is plain text where the setting asks for it', { DATABASE_SSLMODE: 'disable' }, {}, 'plain', /no such user/],
    ['is plain text by default in a local installation', { DEPLOYMENT_ENV: 'local' }, {}, 'plain', /no such user/],
  ])('%s', async (_, env, options, came, message) => {
    const found = await connect(env, options)
    expect([found.came, found.message]).toEqual([came, expect.stringMatching(message)])
  })

  test('is TLS with the predecessor’s variables too', async () => {
    const { port, came } = await serve()
    const env = { POSTGRES_HOST: 'localhost', POSTGRES_PORT: String(port), POSTGRES_USER: 'u', POSTGRES_PASSWORD: 'p' }
    await expect(openPool(readEnv(postgresSettings, { ...env, DATABASE_CA: ca }))).rejects.toThrow('no such user')
    expect(came).toEqual(['tls'])
  })
})

test.each([
  ['postgres://u:p@h/d?sslmode=prefer', 'its sslmode is none of disable, no-verify'],
  ['postgres://u:p@h/d?sslrootcert=/nowhere/ca.pem', 'the file of its sslrootcert cannot be read'],
  [`postgres://u:p@h/d?sslcert=${caFile}`, 'sslcert and sslkey go together'],
  ['postgres://u:a%zz@h/d', 'a % that is no part of an encoded character'],
  ['postgres://u:a/b@h:x/d', 'not an address'],
  ['http://h', 'not a postgres:// address'],
])('DATABASE_URL %s is a wrong setting', (DATABASE_URL, problem) => {
  expect(() => readEnv(postgresSettings, { DATABASE_URL })).toThrow(`DATABASE_URL is wrong: ${problem}`)
})

test('a DATABASE_CA that is no certificate is a wrong setting', () => {
  const env = { DATABASE_URL: 'postgres://h/d', DATABASE_CA: '/etc/ca.pem' }
  expect(() => readEnv(postgresSettings, env)).toThrow('DATABASE_CA is wrong: not a certificate (PEM)')
})
