import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './config.ts'
import { answers, type Program } from './processes.ts'

/** The Apicurio schema registry on an H2 file. Schema ids survive restarts and kills. */
export function registryProgram({ dir, ports }: Settings, servers: string): Program {
  const home = join(dir, 'registry')
  // By default H2 writes half a second after a commit. A kill in between would lose schema ids that records already carry.
  // https://h2database.com/html/commands.html#set_write_delay
  const database = `jdbc:h2:file:${join(home, 'db')};WRITE_DELAY=0`
  return {
    name: 'registry',
    command: 'java',
    args: [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${ports.registry}`],
      ...[`-Dregistry.datasource.url=${database}`, `-Dquarkus.datasource.jdbc.url=${database}`],
      ...['-jar', join(servers, 'registry', 'apicurio-registry-app-2.6.13.Final-runner.jar')],
    ],
    cwd: home,
    prepare: async () => void mkdirSync(home, { recursive: true }),
    isHealthy: () => answers(`http://127.0.0.1:${ports.registry}/apis/ccompat/v7/subjects`),
    stopSignal: 'SIGTERM',
  }
}
