import { randomBytes } from 'node:crypto'
import type { Post } from '../../deploy/local/stand-ins/slack-api.ts'
import type { Mail } from '../../deploy/local/stand-ins/render-mail.ts'
import { stackEnv } from './stack.ts'

/** A name that no other test has: all tests share one mailbox and one Slack workspace. */
export const unique = (name: string) => `${name}-${randomBytes(5).toString('hex')}`

/** Mails to `address`, the oldest first. */
export async function mailsTo(address: string): Promise<Mail[]> {
  return (await getList<Mail>('MAILBOX_URL')).filter(({ to }) => to.includes(address))
}

/** What was posted to the Slack channel of this name (without #) or id, the oldest first. */
export async function slackPostsIn(channel: string): Promise<Post[]> {
  const posts = await getList<Post>('SLACK_OUTBOX_URL')
  return posts.filter((post) => post.channel_name === channel || post.channel === channel)
}

async function getList<T>(address: string): Promise<T[]> {
  const response = await fetch(stackEnv()[address] ?? '', { signal: AbortSignal.timeout(5000) })
  return (await response.json()) as T[]
}
