import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  sources: {
    help: 'data sources and where their modules are: ls, add, edit, rm',
    load: () => import('./commands/sources-commands.ts'),
  },
  companies: {
    help: 'companies and how sources know them: ls, add, edit, rm, link',
    load: () => import('./commands/companies-commands.ts'),
  },
  'rules seed': {
    help: 'the rules that measurements of well-known sources start with',
    load: () => import('./commands/rules-commands.ts'),
  },
  keys: { help: 'keys of the operator API: create, ls, revoke', load: () => import('./commands/keys-commands.ts') },
  why: {
    help: 'why there is a news: its rule, the values compared, their raw documents',
    load: () => import('./commands/why-commands.ts'),
  },
  token: { help: 'tokens of mining modules: mint', load: () => import('./commands/token-commands.ts') },
})
