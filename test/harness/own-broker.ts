import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '../../deploy/local/config.ts'
import { fetchJavaServers } from '../../deploy/local/java-servers.ts'
import { kafkaProgram } from '../../deploy/local/kafka.ts'
import { onCleanup } from './cleanup.ts'
import { waitFor } from './wait-for.ts'

export type OwnBroker = {
  address: string
  signal(signal: NodeJS.Signals): void
  crash(): Promise<void>
  start(): Promise<void>
}

/** A broker besides that of the stack, so that a test of its outages disturbs no other. */
export async function startOwnBroker(): Promise<OwnBroker> {
  const dir = mkdtempSync(join(tmpdir(), 'own-broker-'))
  const settings = await readSettings(dir, true)
  const program = kafkaProgram(settings, await fetchJavaServers(settings.cache, () => undefined))
  const launch = () => spawn(program.command, program.args, { stdio: 'ignore' })
  await program.prepare?.()
  let child = launch()
  async function crash() {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  onCleanup(async () => {
    await crash()
    rmSync(dir, { recursive: true, force: true })
  })
  await waitFor('the broker', () => program.isHealthy(), 60_000)
  return {
    address: `127.0.0.1:${settings.ports.kafka}`,
    signal: (signal) => void child.kill(signal),
    crash,
    async start() {
      child = launch()
      await waitFor('the broker', () => program.isHealthy(), 60_000)
    },
  }
}
