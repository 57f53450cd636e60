import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { listSchemas, readSchema, schemasDir } from './avro.ts'
import { renderTypes, type NamedSchema } from './render-types.ts'

const file = join(schemasDir, 'generated', 'types.ts')

if (import.meta.main) {
  const text = renderTypes(listSchemas().map((name) => JSON.parse(readSchema(name)) as NamedSchema))
  if (process.argv.includes('--check')) checkFile(file, text)
  else writeFile(file, text)
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function checkFile(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  console.error(`${relative(process.cwd(), path)} does not match schemas/*.avsc: run \`make schemas\` and commit it.`)
  process.exitCode = 1
}
