import { recordLifeDays } from './topics.ts'

/** What is kept for how long. Each may have a number of days, with a setting; without it, it is kept for ever. */
export type RetentionClass = {
  name: string
  /** What it is. */
  holds: string
  /** The setting with its days, read by `npx parma retention`, or by the services where `prunedBy` is `services`. */
  setting: string | null
  /** Who deletes what is older: the command, the services themselves every hour, or nobody. */
  prunedBy: 'command' | 'services' | 'nobody'
  /** What to know before a number of days is given. */
  note: string
}

const byCommand = (name: string, holds: string, note: string): RetentionClass => ({
  ...{ name, holds, note, prunedBy: 'command' },
  setting: `RETENTION_${name.toUpperCase().replaceAll('-', '_')}_DAYS`,
})

/** No class may be kept for less: a record that took effect may come again until then, and is answered from what is stored. */
export const leastDays = recordLifeDays

export const retentionClasses: readonly RetentionClass[] = [
  byCommand(
    'raw-documents',
    'raw documents in Firestore',
    'What is gone cannot be replayed, and parma-web no longer exports it.',
  ),
  byCommand(
    'values',
    'values, by months of observed time, and those that others have replaced',
    'Growth over a year needs 400 days. A month is exported before it goes.',
  ),
  byCommand('public-values', 'values in the tables of parma-web that this system has written', 'parma-web shows them.'),
  byCommand('refusals', 'refused leaves and payloads', 'A re-drive no longer finds them.'),
  byCommand(
    'news',
    'news items, also those of parma-web that this system has written',
    'parma-web and the desk show them.',
  ),
  byCommand(
    'deliveries',
    'messages, their deliveries and attempts',
    'Why somebody heard of something is no longer known.',
  ),
  byCommand(
    'vanished-states',
    'states of list items that have not come for so long, while their list did',
    'An item that comes back is new.',
  ),
  byCommand(
    'public-messages',
    'rows of public.notification and public.report',
    'They keep parma-web from deleting a company.',
  ),
  byCommand('audit', 'audit logs', 'Who did what is no longer known.'),
  {
    ...{ name: 'ledgers', setting: 'LEDGER_DAYS', prunedBy: 'services' },
    ...{ holds: 'which records took effect', note: `At least the ${leastDays} days in which a record may come again.` },
  },
  {
    ...{ name: 'short-lived', setting: null, prunedBy: 'services' },
    ...{
      holds: 'sessions, outboxes, trials, counts of a day',
      note: 'Hours to a month; each service deletes its own.',
    },
  },
  {
    ...{ name: 'lineage', setting: null, prunedBy: 'nobody' },
    ...{ holds: 'which payload is which raw document', note: 'Kept for ever: values and redelivery rest on it.' },
  },
  {
    ...{ name: 'state', setting: null, prunedBy: 'nobody' },
    ...{ holds: 'what holds now: maps, rules, people, states of series', note: 'It does not grow with time.' },
  },
]
