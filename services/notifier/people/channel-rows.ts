import { sql } from '#runtime/postgres/database.ts'

// Channels of parma-web and of the kinds that it does not know. SQL fragments instead of views: a view over a table in
// `public` would keep parma-web's migrations from changing the table.

/** All channels: channel_id, channel_type, destination, secret_id. Needs an alias. */
export const allChannels = sql.fragment`(
  SELECT id AS channel_id, channel_type::text, destination, secret_id FROM public.notification_channel
  UNION ALL
  SELECT channel_id, channel_type, destination, secret_id FROM notifier.channel
)`

/** Who gets messages at which channel: user_id, channel_id, channel_purpose. Needs an alias. */
export const allChannelSubscriptions = sql.fragment`(
  SELECT user_id, channel_id, channel_purpose::text FROM public.notification_subscription
  UNION ALL
  SELECT user_id, channel_id, channel_purpose FROM notifier.channel_subscription
)`

/** Whether a channel is in `notifier.channel`, not in `public.notification_channel`. */
export const isOwnChannel = (id: number) => id > 1_000_000_000
