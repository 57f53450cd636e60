import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  schedule: {
    help: 'when sources run: ls, set, pause, resume, run, preview, history',
    load: () => import('./schedule-commands.ts'),
  },
  'check-module': {
    help: 'check a mining module against a recording edge: what it does wrong, and what to do',
    load: () => import('./check/command.ts'),
  },
})
