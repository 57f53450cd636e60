import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describeTopics } from './asyncapi.ts'
import { listSchemas, readSchema, schemasDir } from './avro.ts'
import { writeMissingGoldens } from './golden.ts'
import { renderTypes, type NamedSchema } from './render-types.ts'

// node schemas/generate.ts            writes generated/types.ts and generated/asyncapi.json
// node schemas/generate.ts --check    fails when one of them is stale
// node schemas/generate.ts --golden   also writes golden files for schemas that are new or changed

const generated: Record<string, string> = {
  'types.ts': renderTypes(listSchemas().map((name) => JSON.parse(readSchema(name)) as NamedSchema)),
  'asyncapi.json': `${JSON.stringify(describeTopics(), null, 1)}\n`,
}

for (const [name, text] of Object.entries(generated)) {
  const file = join(schemasDir, 'generated', name)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    const shown = relative(process.cwd(), file)
    console.error(`${shown} does not match schemas/*.avsc: run \`make schemas\` and commit it.`)
    process.exitCode = 1
  }
}

if (process.argv.includes('--golden')) for (const name of writeMissingGoldens()) console.log(`new: schemas/${name}`)
