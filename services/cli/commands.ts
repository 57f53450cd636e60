import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  topics: { help: 'topics and schemas: apply what schemas/topics.ts says', load: () => import('./topics.ts') },
  migrate: { help: 'bring the schemas of all services in Postgres up to date', load: () => import('./migrate.ts') },
  dlq: { help: 'dead letters: look, replay, drop', load: () => import('./dlq.ts') },
  status: { help: 'services, lag and the last payload of each source', load: () => import('./status.ts') },
})
