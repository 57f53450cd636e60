import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { insight } from './insight.ts'
import { pipeline } from './pipeline.ts'
import { renderBoard } from './render.ts'
import { serviceBoards } from './services.ts'
import { sources } from './sources.ts'

// node deploy/dashboards/generate.ts            writes the dashboards that the chart ships
// node deploy/dashboards/generate.ts --check    fails when one of them is stale

const folder = join(import.meta.dirname, '../helm/parma-analytics/files/dashboards')
const files = new Map(
  [pipeline, ...serviceBoards, insight, sources].map((board) => [`${board.uid}.json`, renderBoard(board)]),
)
const isCheck = process.argv.includes('--check')

mkdirSync(folder, { recursive: true })
const stale = [
  ...[...files]
    .filter(([name, text]) => !existsSync(join(folder, name)) || readFileSync(join(folder, name), 'utf8') !== text)
    .map(([name]) => name),
  ...readdirSync(folder).filter((name) => !files.has(name)),
]
for (const name of stale) {
  const file = join(folder, name)
  const text = files.get(name)
  if (isCheck) {
    console.error(`${relative(process.cwd(), file)} is stale: run \`make schemas\` and commit it.`)
    process.exitCode = 1
  } else if (text === undefined) rmSync(file)
  else writeFileSync(file, text)
}
