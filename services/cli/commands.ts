import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  topics: { help: 'topics and their schemas: apply', load: () => import('./topics.ts') },
  migrate: { help: 'apply the Postgres migrations of all services', load: () => import('./migrate.ts') },
  roles: { help: 'roles of services in Postgres: apply', load: () => import('./roles.ts') },
  groups: {
    help: 'how far services have read their topics, and what they lost: ls, accept-loss, reset, skip',
    load: () => import('./groups.ts'),
  },
  retention: {
    help: 'how long what is kept, and deleting what is older: ls, run',
    load: () => import('./retention/command.ts'),
  },
  backup: {
    help: 'what a restored Postgres has, and the steps after a restore: verify, advance',
    load: () => import('./backup/command.ts'),
  },
  adopt: { help: 'take over the database and the maps of the predecessor', load: () => import('./adopt/command.ts') },
  forget: { help: 'erase a company or a text everywhere, for good', load: () => import('./erase/command.ts') },
  mcp: { help: 'answer programs that speak the Model Context Protocol', load: () => import('./mcp.ts') },
  audit: { help: 'who did what: ls', load: () => import('./audit.ts') },
  status: { help: 'health of services and sources, and how far payloads got', load: () => import('./status.ts') },
})
