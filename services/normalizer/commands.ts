import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  values: {
    help: 'what is stored about companies, and what of it is wrong: ls, correct',
    load: () => import('./commands/values.ts'),
  },
  understand: {
    help: 'show what would become of payloads: values, refusals, list items, news items',
    load: () => import('./trial/understand.ts'),
  },
  'maps try': {
    help: 'show what a changed map would make of stored documents',
    load: () => import('./map-trial/command.ts'),
  },
  'series recover': {
    help: 'give series their ids again, after a restore of Postgres',
    load: () => import('./series/recover-command.ts'),
  },
  drift: {
    help: 'differences between payloads and maps, and what happens to them: ignore, tell, pause the source, wait for a yes',
    load: () => import('./commands/drift.ts'),
  },
  replay: {
    help: 'read stored payloads of a source again: compare, fill what is missing, replace',
    load: () => import('./commands/replay.ts'),
  },
  replays: {
    help: 'how far replays are and what they found: ls, show, pause, resume, cancel',
    load: () => import('./commands/replays.ts'),
  },
  refused: {
    help: 'what could not be stored, why, and what to do about it',
    load: () => import('./commands/refused.ts'),
  },
})
