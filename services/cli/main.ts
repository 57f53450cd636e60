#!/usr/bin/env node
// `parma`: finds a command in services/*/commands.ts and runs it as a process of its own, whose exit code it passes on.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { escapeLines } from '#runtime/commands/terminal.ts'
import metadata from '../../package.json' with { type: 'json' }
import { readEnvironment } from './config.ts'
import { findCommands, renderHelp } from './find-commands.ts'

const [noun = 'help', ...args] = process.argv.slice(2)
const found = await findCommands()
const command = found.find(({ name }) => name === `${noun} ${args[0]}`) ?? found.find(({ name }) => name === noun)

if (command) {
  const child = spawn(process.execPath, [command.file, noun, ...args], { stdio: 'inherit', env: readEnvironment() })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (signal) process.kill(process.pid, signal)
  process.exitCode = code ?? 1
} else if (['help', '--help', '-h'].includes(noun)) {
  console.log(renderHelp(found))
} else if (['--version', '-V'].includes(noun)) {
  console.log(metadata.version)
} else {
  console.error(
    escapeLines(`There is no ${noun.startsWith('-') ? 'option' : 'command'} ${noun}.\n\n${renderHelp(found)}`),
  )
  process.exitCode = 2
}
