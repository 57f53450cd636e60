import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  redrive: {
    help: 'read raw documents again by a newer map and store the missing values',
    load: () => import('./redrive.ts'),
  },
})
