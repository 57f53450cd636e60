import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { encryptSecret, parseSecretKeys } from '../../../services/notifier/secrets/encrypt-secret.ts'
import { commands } from '../../../services/notifier/commands.ts'
import { onCleanup } from '../cleanup.ts'
import type { Fate } from '../faulty-server.ts'
import { createInstallation } from '../installation.ts'
import { unique } from '../mailbox.ts'
import { runCommand } from '../run-command.ts'
import { startSecretManager } from '../secret-manager.ts'
import { startSendGridServer } from '../sendgrid-server.ts'
import { startSlackServer } from '../slack-server.ts'
import { waitFor } from '../wait-for.ts'
import { startWebhookReceiver } from '../webhook-receiver.ts'
import { addCompany, addFollowed, addPerson, addSource, quick, type Reach } from './setup.ts'

/** The templates that the notifier sends through SendGrid. */
export const templates = {
  SENDGRID_NOTIFICATION_TEMPLATE_ID: `d-${'1'.repeat(32)}`,
  SENDGRID_REPORT_TEMPLATE_ID: `d-${'2'.repeat(32)}`,
}

/**
 * A notifier that sends through SendGrid, Slack, webhooks and Secret Manager of our own. The maps of fates decide what
 * happens to the first mails to an address, posts to a Slack channel and calls of a webhook's path.
 */
export async function startChannels() {
  const installation = await createInstallation()
  const { database } = installation
  const source = await addSource(database)
  vi.stubEnv('DATABASE_URL', database.url)
  onCleanup(() => void vi.unstubAllEnvs())
  const secretsDir = mkdtempSync(join(tmpdir(), 'parma-secrets-'))
  onCleanup(() => rmSync(secretsDir, { recursive: true }))
  const secretsKey = randomBytes(32).toString('base64')
  const mailFates = new Map<string, Fate[]>()
  const postFates = new Map<string, Fate[]>()
  const hookFates = new Map<string, Fate[]>()
  const slack = await startSlackServer({
    intervalMs: 0,
    decide: (_, room, nth) => postFates.get(room)?.[nth] ?? 'pass',
  })
  const sendGrid = await startSendGridServer((address, nth) => mailFates.get(address)?.[nth] ?? 'pass')
  const receiver = await startWebhookReceiver((path, nth) => hookFates.get(path)?.[nth] ?? 'pass')
  const manager = await startSecretManager()
  const notifier = await installation.start('notifier', {
    ...quick,
    ...{ OPS_WINDOW_MS: '0', BUNDLE_WINDOW_MS: '0', TROUBLE_AFTER_MS: '0' },
    ...{ SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000', SLACK_INTERVAL_MS: '0' },
    ...{ SLACK_API_URL: slack.url, SLACK_WEBHOOK_URL: new URL('/services/', slack.url).href },
    ...{ SMTP_URL: '', SENDGRID_API_URL: sendGrid.url, SENDGRID_API_KEY: sendGrid.apiKey, ...templates },
    ...{ SENDGRID_FROM_EMAIL: 'parma@example.com', SECRETS_DIR: secretsDir, SECRETS_KEYS: `k1:${secretsKey}` },
    ...{ SECRET_FROM_THE_ENVIRONMENT: receiver.secret, ...manager.env },
  })

  /** A secret for the notifier to find as a file, under a name of its own. */
  function addSecret(secret: string, name = unique('secret')): string {
    writeFileSync(join(secretsDir, name), `${secret}\n`)
    return name
  }

  /** The same in the database. */
  async function storeSecret(secret: string): Promise<string> {
    const name = unique('stored')
    const { key_id, nonce, ciphertext } = encryptSecret(parseSecretKeys(`k1:${secretsKey}`), name, secret)
    await database.query('INSERT INTO notifier.secret VALUES ($1, $2, $3, $4)', [name, key_id, nonce, ciphertext])
    return name
  }

  /** A company that one person follows, with these channels. */
  async function addCompanyFor(...channels: Reach[]): Promise<number> {
    const company = await addCompany(database)
    await addPerson(database, { companies: [company], channels })
    return company
  }

  /** A company that one person follows, by e-mail and in a Slack channel of this workspace. */
  async function addReached() {
    const { company, name, address, channel } = await addFollowed(database)
    slack.openRoom(channel)
    return { company, name, address, channel }
  }

  /** The final state of the only message about a company. */
  async function outcomeOf(company: number): Promise<string> {
    return waitFor(`the message about company ${company}`, async () => {
      const rows = await database.query<{ state: string; is_parked: boolean; is_due: boolean }>(
        `SELECT state, t.parked_at IS NOT NULL AS is_parked, d.due_at IS NOT NULL AS is_due
         FROM notifier.delivery d JOIN notifier.destination t USING (destination_id) JOIN notifier.notification n USING (notification_id)
         WHERE n.company_id = $1`,
        [company],
      )
      const [one] = rows
      if (rows.length !== 1 || !one) return false
      return one.is_parked ? `${one.state}, parked` : !one.is_due && one.state
    })
  }

  /** The texts of the mails to an address, once there are `count`. */
  function textsAt(address: string, count: number): Promise<string[]> {
    return waitFor(`${count} mails to ${address}`, () => {
      const texts = sendGrid
        .mailsTo(address)
        .map((mail) => mail.personalizations[0]?.dynamic_template_data?.notification)
      return texts.length >= count && (texts as string[])
    })
  }

  return {
    ...{ installation, database, source, notifier, slack, sendGrid, receiver, manager, secretsDir, secretsKey },
    ...{ mailFates, postFates, hookFates },
    ...{ addSecret, storeSecret, addCompanyFor, addReached, outcomeOf, textsAt },
  }
}

/** What `parma channels ls` says of a destination. */
export async function channelsOf(destination: string) {
  type Listed = { id: number; destination: string; state: string; problem: string | null }
  const channels = await runCommand<Listed[]>(commands.channels, 'ls')
  return channels.filter((one) => one.destination === destination) as [Listed, ...Listed[]]
}
