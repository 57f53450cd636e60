import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  drift: {
    help: 'where payloads and maps differ, and what is done about it: ignore, tell, pause the source',
    load: () => import('./commands/drift.ts'),
  },
  refused: {
    help: 'what could not be stored, why, and what to do about it',
    load: () => import('./commands/refused.ts'),
  },
})
