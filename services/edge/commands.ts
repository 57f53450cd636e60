import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  sources: {
    help: 'manage data sources and the addresses of their modules: ls, add, edit, rm',
    load: () => import('./commands/sources.ts'),
  },
  companies: {
    help: 'manage companies and their identifiers at sources: ls, show, add, edit, rm, link',
    load: () => import('./commands/companies.ts'),
  },
  maps: {
    help: 'versions of normalization maps: ls, show, diff, try, activate, rollback, publish, recover',
    load: () => import('./maps/command.ts'),
  },
  public: {
    help: "rows in parma-web's tables that nobody reads: prune",
    load: () => import('./commands/public.ts'),
  },
  'rules seed': {
    help: 'add the rules that measurements of well-known sources start with',
    load: () => import('./commands/rules.ts'),
  },
  news: { help: 'news items: ls', load: () => import('./commands/news.ts') },
  series: {
    help: 'series: values of one measurement of a company over time: show',
    load: () => import('./commands/series.ts'),
  },
  'people link': {
    help: 'make a link that signs a person in once',
    load: () => import('./session/link-command.ts'),
  },
  keys: { help: 'manage keys of the operator API: create, ls, revoke', load: () => import('./keys/command.ts') },
  dlq: {
    help: 'records that could not be processed (dead letters): ls, show, replay, drop',
    load: () => import('./letters/command.ts'),
  },
  atom: { help: 'addresses of Atom feeds: show, revoke', load: () => import('./atom/command.ts') },
  report: {
    help: 'write a report about a company or a bucket as one HTML file',
    load: () => import('./report/command.ts'),
  },
  why: {
    help: 'explain a news item: its rule, the values compared, their raw documents',
    load: () => import('./commands/why.ts'),
  },
  'audience why': {
    help: 'explain whether people heard of a news item, and why not',
    load: () => import('./audience/command.ts'),
  },
  token: { help: 'create tokens of mining modules: mint', load: () => import('./commands/token.ts') },
})
