import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { importSPKI, type JWTPayload, jwtVerify } from 'jose'
import { createCounter, type Fate, startFaultyServer } from './faulty-server.ts'

export type SecretManager = {
  /** The environment that makes a service use it. */
  env: Record<string, string>
  /** What happens to the first requests for a secret. */
  fates: Map<string, Fate[]>
  /** Adds a secret and returns its name. */
  add(secret: string): string
  /** How often each secret was requested, by name. */
  calls(name: string): number
  /** How often a token was requested. */
  tokens(): number
  /** The claims of the first request for a token, whose signature was right. */
  claims(): Promise<JWTPayload>
}

/**
 * Google's token endpoint and Secret Manager, for one service account.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest and
 * https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
 */
export async function startSecretManager(): Promise<SecretManager> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const verifier = await importSPKI(publicKey, 'RS256')
  const secrets = new Map<string, string>()
  const fates = new Map<string, Fate[]>()
  const counter = createCounter()
  const email = 'notifier@project-1.iam.gserviceaccount.com'
  const nameOf = (path: string) =>
    /^\/v1\/projects\/project-1\/secrets\/([^/]+)\/versions\/latest:access$/.exec(path)?.[1] ?? path
  const token = `ya29.${randomBytes(20).toString('base64url')}`
  const assertions: string[] = []
  const url: string = await startFaultyServer(
    ({ method, path, headers, body }) => {
      if (path === '/token') {
        const form = new URLSearchParams(body)
        assertions.push(form.get('assertion') ?? '')
        return { status: 200, body: JSON.stringify({ access_token: token, expires_in: 3599, token_type: 'Bearer' }) }
      }
      const secret = secrets.get(nameOf(path))
      if (headers.authorization !== `Bearer ${token}`) return { status: 401 }
      if (method !== 'GET' || secret === undefined) return { status: 404 }
      const payload = { data: Buffer.from(secret).toString('base64') }
      return { status: 200, body: JSON.stringify({ name: path.slice(4).replace(':access', ''), payload }) }
    },
    ({ path }) => {
      const nth = counter.next(nameOf(path))
      return fates.get(nameOf(path))?.[nth] ?? 'pass'
    },
  )
  const account = { client_email: email, private_key: privateKey, token_uri: `${url}/token`, project_id: 'project-1' }
  return {
    env: { GCP_SECRET_MANAGER_CERTIFICATE: JSON.stringify(account), GCP_SECRET_MANAGER_URL: url },
    fates,
    calls: counter.of,
    tokens: () => counter.of('/token'),
    claims: async () =>
      (await jwtVerify(assertions[0] ?? '', verifier, { issuer: email, audience: `${url}/token` })).payload,
    add(secret: string): string {
      const name = `parma-analytics-notification-channel-key-${randomUUID()}`
      secrets.set(name, secret)
      return name
    },
  }
}
