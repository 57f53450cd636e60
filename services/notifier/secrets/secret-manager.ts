import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import { secret } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { projectOf, readAccount, serviceAccount, withAccountFile } from '#runtime/process/service-account.ts'
import { createHttpClient, type HttpAnswer } from '#runtime/web/http-client.ts'
import { describeAnswer } from '#runtime/web/describe-answer.ts'

const certificate = 'GCP_SECRET_MANAGER_CERTIFICATE'

/** What reading secrets from Secret Manager reads. */
export const secretManagerSettings = {
  GCP_SECRET_MANAGER_CERTIFICATE: secret()
    .optional()
    .describe(
      'Service account that may read the secrets of channels in Google’s Secret Manager, as the JSON text that Google issues. Unset: read from .secrets/la-famiglia-parma-ai-secret-manager.json if that exists, else Secret Manager is not asked.',
    ),
  GCP_SECRET_MANAGER_PROJECT: z
    .string()
    .optional()
    .describe('Google Cloud project of the secrets in Secret Manager. Unset: the service account’s project.'),
  GCP_SECRET_MANAGER_PREFIX: z
    .string()
    .default('parma-analytics-notification-channel-key-')
    .describe(
      'How the names of the secrets in Secret Manager begin. Anybody can name a secret in a channel, so no others are read.',
    ),
  GCP_SECRET_MANAGER_URL: z
    .url()
    .default('https://secretmanager.googleapis.com')
    .describe('Address of Secret Manager’s API.'),
}

const account = serviceAccount.extend({ token_uri: z.url().default('https://oauth2.googleapis.com/token') })

/** Address of Secret Manager, and the account that reads it. */
export type SecretManagerAccess = {
  account: z.output<typeof account>
  project: string
  prefix: string
  url: string
  timeoutMs: number
}

/**
 * `env`, with the predecessor's file of the service account if it exists and nothing else is given (contract section
 * 14).
 */
export function withSecretManagerAccount(env: Env, secrets: string): Env {
  return withAccountFile(env, certificate, secrets, 'la-famiglia-parma-ai-secret-manager.json')
}

type Settings = z.output<z.ZodObject<typeof secretManagerSettings>> & { SEND_TIMEOUT_MS: number }

/** Null: Secret Manager is not asked. Throws a ConfigError when the settings are not enough. */
export function readSecretManagerAccess(config: Partial<Settings>): SecretManagerAccess | null {
  const text = config[certificate]
  if (text === undefined) return null
  const found = readAccount(account, certificate, text)
  const names = { project: 'GCP_SECRET_MANAGER_PROJECT', account: certificate }
  const project = projectOf(config.GCP_SECRET_MANAGER_PROJECT, found, names)
  const {
    GCP_SECRET_MANAGER_URL: url = '',
    GCP_SECRET_MANAGER_PREFIX: prefix = '',
    SEND_TIMEOUT_MS = maxTimeoutMs,
  } = config
  return { account: found, project, prefix, url, timeoutMs: Math.min(SEND_TIMEOUT_MS, maxTimeoutMs) }
}

/** Several secrets may be read within one call's deadline. */
const maxTimeoutMs = 5000

const tokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() })
const secretAnswer = z.object({ payload: z.object({ data: z.string() }) })

/** A token is renewed this long before it expires. */
const leewayMs = 60_000
const tokenLifeSeconds = 3600

/**
 * Opens Google's Secret Manager over REST. Returns the function that reads the newest version of a secret; null: it
 * does not exist. https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
 */
export function openSecretManager(access: SecretManagerAccess): (name: string) => Promise<string | null> {
  const { account, project, prefix, url, timeoutMs } = access
  // The operator configures the addresses.
  const client = createHttpClient({ allowedPrivateNetworks: ['0.0.0.0/0', '::/0'] })
  const limits = { timeoutMs, maxBytes: 256 * 1024 }
  let token: { text: string; until: number } | null = null

  /** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
  async function renewToken(): Promise<{ text: string; until: number }> {
    const assertion = await new SignJWT({ scope: 'https://www.googleapis.com/auth/cloud-platform' })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt()
      .setExpirationTime(`${tokenLifeSeconds} s`)
      .sign(await importPKCS8(account.private_key, 'RS256'))
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
    const answer = await client.request({
      method: 'POST',
      url: account.token_uri,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(grant).toString(),
      ...limits,
    })
    const { access_token, expires_in } = read(answer, tokenAnswer, 'Google issues no token')
    return { text: access_token, until: performance.now() + expires_in * 1000 - leewayMs }
  }

  return async (name) => {
    if (!name.startsWith(prefix)) return null
    if (!token || token.until <= performance.now()) token = await renewToken()
    const answer = await client.request({
      method: 'GET',
      url: `${url.replace(/\/+$/, '')}/v1/projects/${encodeURIComponent(project)}/secrets/${encodeURIComponent(name)}/versions/latest:access`,
      headers: { authorization: `Bearer ${token.text}` },
      ...limits,
    })
    if (answer.status === 404) return null
    if (answer.status === 401) token = null
    const { payload } = read(answer, secretAnswer, 'Secret Manager does not return it')
    return Buffer.from(payload.data, 'base64').toString()
  }
}

/** The parsed body of an answer. Throws an Error that quotes the answer, unless it may contain a secret. */
function read<T>(answer: HttpAnswer, schema: z.ZodType<T>, failure: string): T {
  if (answer.status !== 200) throw new Error(`${failure}: ${describeAnswer(answer)}`)
  try {
    return schema.parse(JSON.parse(answer.body.toString()))
  } catch {
    throw new Error(`${failure}: the answer has an unexpected form`)
  }
}
