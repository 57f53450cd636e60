import type { ChannelKind } from './channel.ts'
import { email } from './email.ts'
import { slack } from './slack.ts'

/** Every kind of channel under its name in public.notification_channel.channel_type. */
export const channelKinds: Readonly<Record<string, ChannelKind>> = { EMAIL: email, SLACK: slack }
