import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { escapeLine } from '#runtime/commands/terminal.ts'
import { formatChange, formatShortTime } from '#runtime/text/format.ts'
import { describeDefinition } from '../trace/describe-definition.ts'
import { readWhy, type Why } from '../trace/read-why.ts'

export function build(group: Command): void {
  group
    .argument('<news>', 'id of the news item: its uuid, or its number in parma-web')
    .option('--json', 'print JSON')
    .action(explain)
}

async function explain(id: string, { json = false }: { json?: boolean }): Promise<void> {
  const why = await withDatabase((database) => readWhy(database, id))
  if (!why)
    throw new UsageError(
      `News item ${JSON.stringify(id)} does not exist. Take the id from the message or from public.news.`,
    )
  printResult(why, describeWhy(why), json)
}

function describeWhy(why: Why): string {
  const { rule, item_key, trigger_factor } = why
  const name = (of: { id: number; name: string | null }) => `${of.name ?? 'gone'} (${of.id})`
  const rows: [string, string][] = [
    ['news item', `${why.title} (${why.news_id}${why.silent ? ', silent' : ''})`],
    ['message', why.message],
    ['company', name(why.company)],
    ['source', name(why.source)],
    ['measurement', name(why.measurement)],
    ['item', item_key ?? 'none'],
    ['compared', `${why.previous ?? 'nothing'} → ${why.current ?? 'nothing'}`],
    ['change', trigger_factor === null ? 'no percentage' : formatChange(trigger_factor)],
    [
      'rule',
      rule
        ? `${rule.id}, version ${rule.version}: ${describeDefinition(rule.definition, why.facts['threshold'])}`
        : 'none: changes of this kind are always reported',
    ],
    ...describeSignal(why),
    ...describeOrigin('now', why.now),
    ...describeOrigin('before', why.before),
  ]
  return rows.map(([what, text]) => `${what.padEnd(12)} ${escapeLine(text)}`).join('\n')
}

/** What the detectors said of the value, and how its series stands now. */
function describeSignal({ facts: { signal, reason, score }, series }: Why): [string, string][] {
  return [
    ...(signal === undefined ? [] : [['unusual', `${reason} (${signal}, score ${score})`] as [string, string]]),
    ...(series === null
      ? []
      : [['series now', series.reason ? `${series.state}: ${series.reason}` : series.state] as [string, string]]),
  ]
}

function describeOrigin(what: string, origin: Why['now']): [string, string][] {
  if (origin === null) return [[what, 'unknown']]
  const { value, path, observed_at, event_id, document, map_version, task_id } = origin
  return [
    [what, `${value ?? 'no value'} at ${path ?? 'no path'}, observed ${formatShortTime(Date.parse(observed_at))}`],
    ['', `event ${event_id}, map version ${map_version ?? 'none'}, task ${task_id ?? 'none'}`],
    ['', `document ${document}`],
  ]
}
