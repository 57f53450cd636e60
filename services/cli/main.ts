#!/usr/bin/env node
// `parma`: finds the command asked for among services/*/commands.ts and runs it as a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { findCommands, renderHelp } from './find-commands.ts'
import { readEnvironment } from './config.ts'

const [noun, ...args] = process.argv.slice(2)
const found = await findCommands()
const command = found.find(({ name }) => name === `${noun} ${args[0]}`) ?? found.find(({ name }) => name === noun)

if (command) {
  const child = spawn(process.execPath, [command.file, noun!, ...args], {
    stdio: 'inherit',
    env: readEnvironment(),
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (signal) process.kill(process.pid, signal)
  process.exitCode = code ?? 1
} else {
  const isHelp = noun === undefined || noun === 'help' || noun.startsWith('-')
  ;(isHelp ? console.log : console.error)(
    `${isHelp ? '' : `parma: there is no command ${noun}.\n\n`}${renderHelp(found)}`,
  )
  process.exitCode = isHelp ? 0 : 2
}
