import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { readSettingsOfServices } from '../read-settings.ts'
import { describePods } from './describe-services.ts'
import { renderValuesSchema } from './values-schema.ts'

// node deploy/helm/generate.ts            writes what the charts take from settings and schemas
// node deploy/helm/generate.ts --check    fails when one of the files is stale

const settings = await readSettingsOfServices()
const pods = describePods(settings)
const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`
const files: Record<string, string> = {
  'parma-analytics/files/pods.json': json(pods),
  'parma-analytics/values.schema.json': renderValuesSchema(settings, pods),
}

for (const [name, text] of Object.entries(files)) {
  const file = join(import.meta.dirname, name)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(`${relative(process.cwd(), file)} is stale: run \`make schemas\` and commit it.`)
    process.exitCode = 1
  }
}
