import type { ChannelKind } from './channel.ts'
import { email } from './email.ts'
import { slack } from './slack.ts'
import { webhook } from './webhook.ts'

/** The kinds of channels, by their name in the rows of channels. */
export const channelKinds: Readonly<Record<string, ChannelKind>> = { EMAIL: email, SLACK: slack, WEBHOOK: webhook }
