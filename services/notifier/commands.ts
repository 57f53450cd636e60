import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  people: {
    help: 'people who can get messages: ls, add, edit, rm',
    load: () => import('./commands/people.ts'),
  },
  channels: {
    help: 'where people get messages (e-mail, Slack, webhook): ls, add, edit, rm, test, unpark, resubscribe',
    load: () => import('./commands/channels.ts'),
  },
  deliveries: {
    help: 'every message and each attempt to deliver it: ls, show, resend, recall',
    load: () => import('./commands/deliveries.ts'),
  },
  secrets: {
    help: 'secrets that channels use, encrypted in the database: ls, set, rm, rotate',
    load: () => import('./commands/secrets.ts'),
  },
  subscriptions: {
    help: 'who follows what, who gets messages at which channel, who got a news item: ls, add, edit, rm, preview',
    load: () => import('./commands/subscriptions.ts'),
  },
  audience: {
    help: 'who would get which messages about news items of a backtest: try',
    load: () => import('./rehearsal/command.ts'),
  },
  quiet: {
    help: 'hours in which people get no messages: ls, set, rm',
    load: () => import('./commands/quiet.ts'),
  },
  mute: {
    help: 'what people do not want to get, for a while or permanently: ls, add, rm',
    load: () => import('./commands/mute.ts'),
  },
  digests: {
    help: 'daily, weekly and monthly digests: ls, set, rm, run, preview',
    load: () => import('./commands/digests.ts'),
  },
})
