import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  schedule: {
    help: 'when sources run: ls, set, pause, resume, run, preview, history',
    load: () => import('./schedule-commands.ts'),
  },
})
