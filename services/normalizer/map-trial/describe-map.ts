import { escapeLine } from '#runtime/commands/terminal.ts'
import { formatCount, formatNumber } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { MapReport, PathChange } from './report-map.ts'

/** What a changed map would do, for a terminal. Of each section at most `most` entries are shown. */
export function describeMapTrial(report: MapReport, most: number): string {
  const { source, in_force: version, documents, before, after, paths, same, faults, news } = report
  const by = version === null ? 'no map in force' : `version ${version}`
  const row = (name: keyof typeof before, label: string) =>
    `  ${label}: ${formatNumber(before[name])} → ${formatNumber(after[name])}`
  return [
    `${formatCount(documents, 'document')} of ${source}: ${by} → the changed map. Nothing is stored or sent.`,
    row('stored', 'leaves stored'),
    row('null', 'null'),
    row('unmapped', 'not in the map'),
    row('refused', 'refused'),
    row('refused_as_a_whole', 'documents refused as a whole'),
    ...section(
      'Faults of the changed map',
      faults.map(({ path, message }) => `  ${path}: ${message}`),
      most,
    ),
    ...section(`Paths with a difference (${same} have none)`, paths.map(describePath), most),
    ...(news
      ? [
          ...section('News items that it would make', news.gained.map(describeNews), most),
          ...section('News items that it would not make', news.lost.map(describeNews), most),
          `\n${formatCount(news.same, 'news item')} would be the same.`,
        ]
      : []),
  ].join('\n')
}

function section(title: string, entries: readonly string[], most: number): string[] {
  const more = entries.length - most
  return [
    `\n${title}: ${entries.length === 0 ? 'none' : entries.length}`,
    ...entries.slice(0, most),
    ...(more > 0 ? [`  … and ${formatNumber(more)} more (--limit, --json)`] : []),
  ]
}

function describePath({ path, before, after, added, removed, changed, samples, refusals }: PathChange): string {
  const counts = [
    ...[added > 0 ? `${formatNumber(added)} added` : '', removed > 0 ? `${formatNumber(removed)} removed` : ''],
    changed > 0 ? `${formatNumber(changed)} changed` : '',
    ...(['refused', 'null', 'unmapped'] as const).map((name) =>
      before[name] === after[name] ? '' : `${name} ${formatNumber(before[name])} → ${formatNumber(after[name])}`,
    ),
  ].filter((text) => text !== '')
  const shown = (value: unknown) => (value === null ? 'nothing' : excerpt(JSON.stringify(value), 60))
  return [
    escapeLine(`  ${path}: ${counts.join(', ')}`),
    ...samples.map(({ document, item, before: was, after: is }) =>
      escapeLine(`    document ${document + 1}${item === null ? '' : `, ${item}`}: ${shown(was)} → ${shown(is)}`),
    ),
    ...refusals.map(({ reason, sample, remedy }) =>
      escapeLine(`    refused (${reason}), for example ${excerpt(sample, 60)}: ${remedy}`),
    ),
  ].join('\n')
}

function describeNews({
  document,
  severity,
  silent,
  title,
}: {
  document: number
  severity: string
  silent: boolean
  title: string
}) {
  return escapeLine(`  document ${document + 1}: ${title} (${silent ? 'silent' : severity})`)
}
