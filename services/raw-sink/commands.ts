import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  documents: {
    help: 'raw documents in Firestore: move-bodies',
    load: () => import('./move-bodies.ts'),
  },
  redrive: {
    help: 'read raw documents again by a newer map and store the missing values',
    load: () => import('./redrive.ts'),
  },
})
