import type { Command } from 'commander'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { findSource, openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { readInput } from '#runtime/commands/read-input.ts'
import { output } from '#runtime/kafka/output.ts'
import { openPublisher } from '#runtime/open-kafka.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { topics } from '#schemas/topics.ts'
import {
  type Activated,
  activateMap,
  type MapBy,
  type MapDeps,
  MapRefused,
  rollBackMap,
  versionBefore,
} from './change-map.ts'
import { compareMaps } from './compare-maps.ts'
import { describeChange } from './describe-maps.ts'
import { type Notice, opsEventOf } from '../publish/ops-events.ts'
import { waitingNotice } from './notices.ts'
import { readMapContent } from './read-maps.ts'
import { keyOf } from './versions.ts'
import { approveMap, refuseMap } from './waiting.ts'

type Reporting = MapDeps & { report(notice: Notice): Promise<void> }
type Options = { source: string; reason?: string; inForce?: string; yes?: boolean; json?: boolean }

export function addDecisions(group: Command): void {
  const deciding = (command: Command) =>
    command
      .requiredOption('--source <source>', 'id or name of a data source')
      .option('--reason <text>', 'why, for the audit log')
      .option('--json', 'print JSON')
  deciding(
    group
      .command('approve')
      .description('say yes to the map of a handshake that waits for it: it comes into force as a new version'),
  ).action(({ source, reason, json = false }: Options) =>
    change({ source, seen: undefined, json }, async (deps, id, current) => {
      const activated = await approveMap(deps, id, current, by(reason))
      await deps.report({ ...waitingNotice({ id, name: source }, []), resolved: true })
      return activated
    }),
  )
  deciding(
    group.command('refuse').description('say no to the map of a handshake that waits: the map in force stays'),
  ).action(({ source, reason, json = false }: Options) =>
    change({ source, seen: undefined, json }, async (deps, id, current) => {
      await refuseMap(deps, id, by(reason))
      await deps.report({ ...waitingNotice({ id, name: source }, []), resolved: true })
      return { version: current ?? 0, before: null }
    }),
  )
}

export function addChanges(group: Command): void {
  const changing = (command: Command) =>
    command
      .requiredOption('--source <source>', 'id or name of a data source')
      .option('--reason <text>', 'why, for the audit log')
      .option('--in-force <version>', 'refuse unless this version is in force; without it, the one that is now')
      .option('--yes', 'do it without asking')
      .option('--json', 'print JSON')
  changing(
    group
      .command('activate')
      .description('bring a map into force as a new version; `parma maps try` shows before what it would do')
      .argument('<file>', 'a map or a module’s answer to /initialize (JSON); - for stdin'),
  ).action(activate)
  changing(
    group
      .command('rollback')
      .description('bring the map before the one in force into force again, as a new version')
      .option('--to <version>', 'the map of this version'),
  ).action(rollBack)
}

async function activate(file: string, { source, reason, inForce: seen, yes, json = false }: Options): Promise<void> {
  const text = await readInput(file)
  await change({ source, seen, json }, async (deps, id, current) => {
    if (!yes && current !== null)
      await confirm(
        yes,
        `This brings ${file} into force for ${source}, in place of version ${current}. \`parma maps rollback --source ${source}\` undoes it.`,
      )
    return activateMap(deps, id, { text, inForce: current }, by(reason))
  })
}

async function rollBack({
  source,
  reason,
  inForce: seen,
  to,
  yes,
  json = false,
}: Options & { to?: string }): Promise<void> {
  const asked = to === undefined ? null : requireCount(to, '--to')
  await change({ source, seen, json }, async (deps, id, current) => {
    if (!yes) await askToRollBack(deps, { id, source }, asked)
    return rollBackMap(deps, id, { to: asked, inForce: current }, by(reason))
  })
}

async function askToRollBack({ database }: MapDeps, { id, source }: { id: number; source: string }, to: number | null) {
  const current = await readMapContent(database, id, null)
  const version = current && (to ?? (await versionBefore(database, id, current)))
  const earlier = version === null ? null : await readMapContent(database, id, version)
  // Without both it is refused with the reason.
  if (!current || !earlier) return
  const lines = compareMaps(current.content, earlier.content).map(describeChange)
  const head = `This brings the map of version ${earlier.version} of ${source} into force, in place of version ${current.version}:`
  await confirm(false, `${[head, ...lines].join('\n')}\n\`parma maps rollback --to ${current.version}\` undoes it.`)
}

const by = (reason: string | undefined): MapBy => ({ actor: commandActor().name, reason: reason ?? null })

/** Opens what a change needs, and prints what became of it. `seen`: the version that must be in force. */
async function change(
  { source, seen, json }: { source: string; seen: string | undefined; json: boolean },
  work: (deps: Reporting, sourceId: number, inForce: number | null) => Promise<Activated>,
): Promise<void> {
  const looked = seen === undefined ? null : requireCount(seen, '--in-force')
  const config = readEnv({ ...postgresSettings, ...kafkaSettings, ...producerSettings })
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const id = await findSource(database, source)
  const current = looked ?? (await readMapContent(database, id, null))?.version ?? null
  const send = await openPublisher(config, { name: 'parma', log: createLog('parma', 'silent'), scope })
  const publish: MapDeps['publish'] = (map) => send([output(topics.normalizationMaps, keyOf(map), map.event_id, map)])
  const report: Reporting['report'] = (notice) => {
    const { key, event } = opsEventOf(notice, Date.now())
    return send([output(topics.opsEvents, key, event.event_id, event)])
  }
  const { version, before } = await work({ database, publish, report }, id, current).catch((error: unknown) => {
    throw error instanceof MapRefused ? new UsageError(error.message) : error
  })
  const instead = before === null ? '' : `, in place of version ${before}`
  printResult({ source, version, before }, `version ${version} of the map of ${source} is in force${instead}`, json)
}
