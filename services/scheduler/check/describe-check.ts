import { wrapText } from '#runtime/commands/terminal.ts'
import { formatCount } from '#runtime/text/format.ts'
import type { Checked } from './check-module.ts'
import type { Finding } from '../judge/findings.ts'

/** What `parma check-module` prints. */
export type CheckReport = {
  module: string
  edge: string
  source: string | null
  map_entries: number
  payloads: number
  defects: Finding[]
  advice: Finding[]
  not_checked: string[]
}

export function reportCheck(
  module: string,
  edge: string,
  { findings, source, entries, payloads }: Checked,
): CheckReport {
  const { defects, advices, skipped } = findings
  return { module, edge, source, map_entries: entries, payloads, defects, advice: advices, not_checked: skipped }
}

/** The report for a terminal of `width` columns. */
export function describeCheck({ source, map_entries, payloads, ...report }: CheckReport, width: number): string {
  const { defects, advice, not_checked } = report
  const who = source === null ? report.module : `${report.module}, source ${source}`
  const what = `${formatCount(payloads, 'payload')}, ${map_entries} map ${map_entries === 1 ? 'entry' : 'entries'}`
  return [
    wrapText(`Checked ${who}: ${what}.`, width),
    defects.length === 0 ? 'No defect found.' : `${formatCount(defects.length, 'defect')}:`,
    ...defects.map((one, index) => describeFinding(one, `${index + 1}. `, width)),
    ...(advice.length > 0 ? ['Advice:', ...advice.map((one) => describeFinding(one, '-  ', width))] : []),
    ...(not_checked.length > 0
      ? ['Not checked:', ...not_checked.map((one) => indent(wrapText(one, width - 3), '-  '))]
      : []),
  ].join('\n\n')
}

function describeFinding({ kind, where, message, contract, remedy, count }: Finding, mark: string, width: number) {
  const times = count > 1 ? ` (${count} times)` : ''
  const lines = [
    `${kind}, section ${contract} of the contract`,
    wrapText(`${where}: ${message}${times}`, width - 3),
    wrapText(remedy, width - 3),
  ]
  return indent(lines.join('\n'), mark)
}

function indent(text: string, mark: string): string {
  return mark.padEnd(3) + text.replaceAll('\n', '\n   ')
}
