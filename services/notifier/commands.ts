import { defineCommands } from '#runtime/commands.ts'

export const commands = defineCommands(import.meta, {
  people: { help: 'people who may hear of news: ls, add, edit, rm', load: () => import('./people-commands.ts') },
  channels: {
    help: 'where people are reached, e-mail or Slack: ls, add, edit, rm',
    load: () => import('./channels-commands.ts'),
  },
  subscriptions: {
    help: 'who follows which company, and who hears at which channel: ls, add, rm',
    load: () => import('./subscriptions-commands.ts'),
  },
  digests: {
    help: 'daily, weekly and monthly digests: ls, set, rm, run, preview',
    load: () => import('./digests-commands.ts'),
  },
})
