import { defineCommands } from '#runtime/commands/commands.ts'

export const commands = defineCommands(import.meta, {
  rules: {
    help: 'rules that decide which changes are news: ls, add, edit, disable',
    load: () => import('./commands/rules.ts'),
  },
  backtest: {
    help: 'show what a rule or the detectors would have told about stored history',
    load: () => import('./commands/backtest.ts'),
  },
  'news judge': {
    help: 'show which news items observations would make of what is stored',
    load: () => import('./trial/judge-news.ts'),
  },
  rejudge: {
    help: 'rebuild what the analyzer remembers from what is stored, after rules or detectors changed',
    load: () => import('./commands/rejudge.ts'),
  },
  suspect: {
    help: 'runs whose news items are held because many companies look alike: ls, show, release, drop',
    load: () => import('./suspect/commands.ts'),
  },
  forecast: {
    help: 'forecast the values of CSV files, each with a band, from the rows before',
    load: () => import('./commands/forecast.ts'),
  },
  forecasts: {
    help: 'what numbers are expected to be next, and between which they will be: ls',
    load: () => import('./forecast/list-forecasts.ts'),
  },
  feeds: {
    help: 'how often sources bring something about companies, and whether their numbers still move: ls',
    load: () => import('./rhythm/list-feeds.ts'),
  },
  detect: {
    help: 'score the points of CSV files: how likely each is a change',
    load: () => import('./commands/detect.ts'),
  },
})
