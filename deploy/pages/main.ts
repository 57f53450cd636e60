// Checks all pages: links, headings, paths, make targets, `parma` commands, settings, and what is generated in them. Prints
// each problem and fails. `--write` writes what is generated instead.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { formerSettings } from '#runtime/process/legacy-env.ts'
import { allTopics } from '#schemas/topics.ts'
import { podMemory } from '../service-values.ts'
import { findUnknownCommands, findUnknownTargets } from './check-commands.ts'
import { findDeadLinks } from './check-links.ts'
import { findFormerSettings, findMissingRooms } from './check-names.ts'
import type { Page } from './parts.ts'
import { readCommands } from './read-commands.ts'
import { readMetrics } from './read-metrics.ts'
import { type Figures, renderCapacity } from './render-capacity.ts'
import { fillIn, renderCommands, renderTopics, renderViews } from './render.ts'
import { renderMetrics } from './render-metrics.ts'

const root = resolve(import.meta.dirname, '../..')
const commandsPage = 'docs/commands.md'
const metricsPage = 'docs/metrics.md'
const topicsPage = 'schemas/README.md'
const architecture = 'ARCHITECTURE.md'
const settingsPage = 'deploy/SETTINGS.md'
const capacityPage = 'docs/operations/capacity.md'

const nouns = await readCommands()
const generated: Page[] = [
  { path: commandsPage, text: renderCommands(nouns) },
  { path: metricsPage, text: renderMetrics(await readMetrics()) },
  { path: capacityPage, text: renderCapacity(readFigures(), podMemory, allTopics) },
  { path: topicsPage, text: fillIn(read(topicsPage), 'topics', renderTopics()) },
  { path: architecture, text: fillIn(read(architecture), 'views', renderViews()) },
]

if (process.argv.includes('--write')) for (const { path, text } of generated) writeFileSync(join(root, path), text)
else {
  const problems = await findProblems()
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}

async function findProblems(): Promise<string[]> {
  const pages = await readPages()
  const tree = {
    isFile: (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isFile(),
    isFolder: (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isDirectory(),
  }
  const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target = '']) => target))
  const commands = nouns.flatMap(({ verbs }) => verbs)
  const stale = generated.filter(({ path, text }) => !existsSync(join(root, path)) || read(path) !== text)
  return [
    ...stale.map(({ path }) => `${path} is out of date: run make schemas`),
    ...findMissingRooms({ path: architecture, text: read(architecture) }, await readRooms()),
    ...pages.flatMap((page) => [
      ...findDeadLinks(page, pages, tree),
      ...findUnknownTargets(page, targets),
      ...(page.path === commandsPage ? [] : findUnknownCommands(page, commands)),
      ...(page.path === settingsPage ? [] : findFormerSettings(page, new Set(Object.keys(formerSettings)))),
    ]),
  ]
}

/** As `make bench` printed them at the last release: `node test/bench/main.ts --json`. */
function readFigures(): Figures {
  return JSON.parse(read('test/bench/figures.json')) as Figures
}

/** Folders of services with source files in them, as `<service>/<room>`. */
async function readRooms(): Promise<string[]> {
  const files = await Array.fromAsync(glob('services/*/*/*.ts', { cwd: root }))
  return [...new Set(files.map((file) => file.split('/').slice(1, 3).join('/')))].sort()
}

async function readPages(): Promise<Page[]> {
  const exclude = (path: string) => /(^|\/)(node_modules|\.local|\.cache|\.git)$/.test(path)
  const paths = await Array.fromAsync(glob('**/*.md', { cwd: root, exclude }))
  return paths.sort().map((path) => ({ path, text: read(path) }))
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
