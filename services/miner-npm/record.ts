// Writes the recording that the module uses when there is no registry: `node services/miner-npm/record.ts`.
import { writeFileSync } from 'node:fs'
import { openNpmView, readDependencies } from './npm-view.ts'
import { recordingFile, renderRecording } from './recording.ts'
import type { Facts } from './facts.ts'

const view = openNpmView('npm', 60_000)
const packages: Facts[] = []
for (const name of readDependencies()) packages.push(await view(name))
writeFileSync(recordingFile, renderRecording(packages, new Date()))
console.log(`${packages.length} packages written to ${recordingFile}`)
