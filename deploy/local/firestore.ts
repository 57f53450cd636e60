import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { inheritedEnv, type Settings } from './config.ts'
import { accepts, answers, type Program } from './processes.ts'

const jar = 'platform/cloud-firestore-emulator/cloud-firestore-emulator.jar'

/**
 * A Firestore emulator, behind the journal that keeps its documents. Clients talk to the journal's port. When the
 * emulator restarts, server timestamps and the create and update times of documents become new.
 */
export function firestorePrograms(settings: Settings): Program[] {
  const { dir, ports } = settings
  return [
    emulatorProgram(settings),
    {
      name: 'firestore-journal',
      command: process.execPath,
      args: [
        join(import.meta.dirname, 'firestore-journal.ts'),
        ...[join(dir, 'firestore.journal'), String(ports.firestore), String(ports['firestore-emulator'])],
      ],
      isHealthy: () => answers(`http://127.0.0.1:${ports.firestore}`),
      stopSignal: 'SIGTERM',
    },
  ]
}

/** Google's emulator if the Google Cloud SDK has it, otherwise npm's. */
function emulatorProgram({ firestoreEmulator, ports }: Settings): Program {
  const port = ports['firestore-emulator']
  const google = firestoreEmulator === 'npm' ? null : findGoogleEmulator(inheritedEnv)
  if (!google && firestoreEmulator === 'google')
    throw new Error(
      'PARMA_FIRESTORE_EMULATOR is google, but no Google Cloud SDK with cloud-firestore-emulator was found.',
    )
  return {
    name: 'firestore',
    ...(google
      ? { command: 'java', args: googleArguments(google, port) }
      : { command: process.execPath, args: [join(import.meta.dirname, 'firestore-npm.ts'), String(port)] }),
    isHealthy: () => accepts(port),
    stopSignal: 'SIGTERM',
  }
}

function googleArguments(jarFile: string, port: number): string[] {
  return [
    // It keeps all documents in memory; with less, those of 100,000 payloads make it collect garbage all the time.
    ...['-Xmx2g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Duser.language=en', '-cp', jarFile],
    ...['com.google.cloud.datastore.emulator.firestore.CloudFirestore', 'start', '--host=127.0.0.1', `--port=${port}`],
  ]
}

/** The emulator's jar in the SDK whose `gcloud` is on the path, otherwise in the usual folders of SDKs. */
function findGoogleEmulator(env: NodeJS.ProcessEnv): string | null {
  const onPath = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'gcloud'))
  const roots = [
    ...onPath.filter((file) => existsSync(file)).map((file) => dirname(dirname(realpathSync(file)))),
    ...['/usr/lib', '/usr/share', '/usr/local', '/opt', homedir()].map((folder) => join(folder, 'google-cloud-sdk')),
  ]
  return roots.map((sdk) => join(sdk, jar)).find((file) => existsSync(file)) ?? null
}
