import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { listSchemas, readSchema, schemasDir } from './avro.ts'
import { writeMissingGoldens } from './golden.ts'
import { renderTypes, type NamedSchema } from './render-types.ts'

// node schemas/generate.ts            writes generated/types.ts
// node schemas/generate.ts --check    fails when it is stale
// node schemas/generate.ts --golden   also writes golden files for schemas that are new or changed

const file = join(schemasDir, 'generated', 'types.ts')
const text = renderTypes(listSchemas().map((name) => JSON.parse(readSchema(name)) as NamedSchema))

if (!process.argv.includes('--check')) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error(`${relative(process.cwd(), file)} does not match schemas/*.avsc: run \`make schemas\` and commit it.`)
  process.exitCode = 1
}

if (process.argv.includes('--golden')) for (const name of writeMissingGoldens()) console.log(`new: schemas/${name}`)
