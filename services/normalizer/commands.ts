import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  values: {
    help: 'what is stored about companies: ls',
    load: () => import('./commands/values.ts'),
  },
  understand: {
    help: 'show what would become of payloads: values, refusals, list items, news items',
    load: () => import('./trial/understand.ts'),
  },
  drift: {
    help: 'differences between payloads and maps, and what happens to them: ignore, tell, pause the source',
    load: () => import('./commands/drift.ts'),
  },
  refused: {
    help: 'what could not be stored, why, and what to do about it',
    load: () => import('./commands/refused.ts'),
  },
})
