import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  rules: {
    help: 'rules that decide which changes are news: ls, add, edit, disable',
    load: () => import('./commands/rules.ts'),
  },
})
