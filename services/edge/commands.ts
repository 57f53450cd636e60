import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  sources: {
    help: 'data sources and where their modules are: ls, add, edit, rm',
    load: () => import('./commands/sources.ts'),
  },
  companies: {
    help: 'companies and how sources know them: ls, add, edit, rm, link',
    load: () => import('./commands/companies.ts'),
  },
  'rules seed': {
    help: 'the rules that measurements of well-known sources start with',
    load: () => import('./commands/rules.ts'),
  },
  keys: { help: 'keys of the operator API: create, ls, revoke', load: () => import('./commands/keys.ts') },
  why: {
    help: 'why there is a news: its rule, the values compared, their raw documents',
    load: () => import('./commands/why.ts'),
  },
  token: { help: 'tokens of mining modules: mint', load: () => import('./commands/token.ts') },
})
