import { sql } from '#runtime/postgres/database.ts'

// parma-web's channels and those of kinds it has no word for. Fragments and not views: a view over a table of public
// would keep parma-web's migrations from changing it.

/** Every channel: channel_id, channel_type, destination, secret_id. Needs an alias. */
export const allChannels = sql.fragment`(
  SELECT id AS channel_id, channel_type::text, destination, secret_id FROM public.notification_channel
  UNION ALL
  SELECT channel_id, channel_type, destination, secret_id FROM notifier.channel
)`

/** Who hears at which channel: user_id, channel_id, channel_purpose. Needs an alias. */
export const allChannelSubscriptions = sql.fragment`(
  SELECT user_id, channel_id, channel_purpose::text FROM public.notification_subscription
  UNION ALL
  SELECT user_id, channel_id, channel_purpose FROM notifier.channel_subscription
)`

/** Whether a channel is one of ours. */
export const isOwnChannel = (id: number) => id > 1_000_000_000
