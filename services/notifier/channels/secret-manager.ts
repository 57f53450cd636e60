import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import { createHttpClient, type HttpAnswer } from '#runtime/web/http-client.ts'
import type { SecretManagerAccess } from '../config.ts'
import { describeAnswer } from './http-answer.ts'

const tokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() })
const secretAnswer = z.object({ payload: z.object({ data: z.string() }) })

/** A token is renewed this long before it ends. */
const leewayMs = 60_000
const tokenLifeSeconds = 3600

/**
 * Google's Secret Manager over REST. Returns what asks for the newest version of a secret; null: there is no such secret.
 * https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
 */
export function openSecretManager(access: SecretManagerAccess): (name: string) => Promise<string | null> {
  const { account, project, prefix, url, timeoutMs } = access
  // The addresses are the operator's own.
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
    const { access_token, expires_in } = read(answer, tokenAnswer, 'Google gives no token')
    return { text: access_token, until: Date.now() + expires_in * 1000 - leewayMs }
  }

  return async (name) => {
    if (!name.startsWith(prefix)) return null
    if (!token || token.until <= Date.now()) token = await renewToken()
    const answer = await client.request({
      method: 'GET',
      url: `${url.replace(/\/+$/, '')}/v1/projects/${encodeURIComponent(project)}/secrets/${encodeURIComponent(name)}/versions/latest:access`,
      headers: { authorization: `Bearer ${token.text}` },
      ...limits,
    })
    if (answer.status === 404) return null
    if (answer.status === 401) token = null
    const { payload } = read(answer, secretAnswer, 'Secret Manager does not give it')
    return Buffer.from(payload.data, 'base64').toString()
  }
}

/** What an answer says; an Error that tells what it said instead, unless that may be a secret. */
function read<T>(answer: HttpAnswer, schema: z.ZodType<T>, failure: string): T {
  if (answer.status !== 200) throw new Error(`${failure}: ${describeAnswer(answer)}`)
  try {
    return schema.parse(JSON.parse(answer.body.toString()))
  } catch {
    throw new Error(`${failure}: its answer has another form`)
  }
}
