import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readCommands } from '../../deploy/pages/read-commands.ts'

/** What each command of `parma` that writes leaves in the audit log. A new command must be in one of these lists. */
const writes: Record<string, string> = {
  'atom revoke': 'edge.feeds.revoke',
  'backup advance': 'cli.backup.advance',
  'channels add': 'notifier.channel.add',
  'channels edit': 'notifier.channel.edit',
  'channels resubscribe': 'notifier.channel.resubscribe',
  'channels rm': 'notifier.channel.remove',
  'channels test': 'notifier.channel.test',
  'channels unpark': 'notifier.channel.unpark',
  'companies add': 'edge.company.add',
  'companies edit': 'edge.company.edit',
  'companies link': 'edge.company.link',
  'companies rm': 'edge.company.remove',
  'deliveries recall': 'notifier.delivery.recall',
  'deliveries resend': 'notifier.delivery.resend',
  'digests rm': 'notifier.digest.remove',
  'digests run': 'notifier.digest.run',
  'digests set': 'notifier.digest.set',
  'dlq drop': 'edge.dlq.drop',
  'dlq replay': 'edge.dlq.replay',
  'documents move-bodies': 'cli.documents.move',
  'drift policy': 'normalizer.drift_policy.set',
  forget: 'cli.forget',
  'groups accept-loss': 'cli.groups.accept-loss',
  'groups reset': 'cli.groups.reset',
  'groups skip': 'cli.groups.skip',
  'keys create': 'edge.key.create',
  'keys revoke': 'edge.key.revoke',
  'maps activate': 'edge.map.activate',
  'maps approve': 'edge.map.approve',
  'maps publish': 'edge.map.publish',
  'maps recover': 'edge.map.recover',
  'maps refuse': 'edge.map.refuse',
  'maps rollback': 'edge.map.rollback',
  migrate: 'cli.migrate',
  'mute add': 'notifier.mute.add',
  'mute rm': 'notifier.mute.remove',
  'people add': 'notifier.person.add',
  'people edit': 'notifier.person.edit',
  'people link': 'edge.sign_in.add',
  'people rm': 'notifier.person.remove',
  'public prune': 'edge.public.prune',
  'quiet rm': 'notifier.quiet.clear',
  'quiet set': 'notifier.quiet.set',
  redrive: 'cli.redrive',
  rejudge: 'analyzer.rejudge',
  replay: 'normalizer.replay.start',
  'replays cancel': 'normalizer.replay.cancel',
  'replays pause': 'normalizer.replay.pause',
  'replays resume': 'normalizer.replay.resume',
  'retention run': 'cli.retention.run',
  adopt: 'cli.adopt',
  'roles apply': 'cli.roles.apply',
  'rules add': 'analyzer.rule.save',
  'rules disable': 'analyzer.rule.switch',
  'rules edit': 'analyzer.rule.save',
  'rules seed': 'edge.rule.seed',
  'schedule pause': 'scheduler.pause',
  'schedule resume': 'scheduler.resume',
  'schedule run': 'scheduler.run',
  'schedule set': 'scheduler.plan.set',
  'secrets rm': 'notifier.secret.remove',
  'secrets rotate': 'notifier.secret.rotate',
  'secrets set': 'notifier.secret.set',
  'series recover': 'normalizer.series.recover',
  'sources add': 'edge.source.add',
  'sources edit': 'edge.source.edit',
  'sources rm': 'edge.source.remove',
  'subscriptions add': 'notifier.follow.add',
  'subscriptions edit': 'notifier.follow.edit',
  'subscriptions rm': 'notifier.follow.remove',
  'suspect drop': 'analyzer.held_run.decide',
  'suspect release': 'analyzer.held_run.decide',
  'token mint': 'edge.token.mint',
  'topics apply': 'cli.topics.apply',
  'values correct': 'normalizer.value.correct',
}

/** Commands that change nothing in the system; some write files that they are told to. */
const reads = [
  ...[
    'atom show',
    'audience try',
    'audience why',
    'audit ls',
    'backtest',
    'backup verify',
    'channels ls',
    'check-module',
    'companies ls',
  ],
  ...[
    'companies show',
    'deliveries ls',
    'deliveries show',
    'detect',
    'digests ls',
    'digests preview',
    'dlq ls',
    'dlq show',
  ],
  ...['drift ls', 'drift nulls', 'drift policies', 'feeds ls', 'forecast', 'forecasts ls', 'groups ls', 'keys ls'],
  ...[
    'maps diff',
    'maps ls',
    'maps show',
    'maps try',
    'mcp',
    'mute ls',
    'news judge',
    'news ls',
    'people ls',
    'quiet ls',
  ],
  ...[
    'refused ls',
    'refused show',
    'replays ls',
    'replays show',
    'report',
    'retention ls',
    'rules ls',
    'schedule history',
    'schedule ls',
  ],
  ...[
    'schedule preview',
    'secrets ls',
    'series show',
    'sources ls',
    'status',
    'subscriptions ls',
    'subscriptions preview',
  ],
  ...['suspect ls', 'suspect show', 'understand', 'values ls', 'why'],
]

const nouns = await readCommands()
const known = nouns.flatMap(({ words, service, verbs }) =>
  verbs.map((verb) => ({ words: verb.words, noun: words, service })),
)

test('each command reads only, or is named with what it leaves in the audit log', () => {
  const listed = [...Object.keys(writes), ...reads].toSorted()
  expect(listed).toEqual(known.map(({ words }) => words).toSorted())
})

test('a command with --dry-run or --yes writes', () => {
  const careful = nouns.flatMap(({ verbs }) =>
    verbs.filter(({ options }) => ['--dry-run', '--yes'].some((option) => options.includes(option))),
  )
  expect(careful.map(({ words }) => words).filter((words) => reads.includes(words))).toEqual([])
})

const root = resolve(import.meta.dirname, '../..')
const rooms: Record<string, string> = { '#runtime/': 'services/runtime/', '#schemas/': 'schemas/' }

/** The texts of a file and of all that it imports, as they are written. */
async function readAll(path: string, texts = new Map<string, string>()): Promise<Map<string, string>> {
  if (texts.has(path)) return texts
  const text = await readFile(join(root, path), 'utf8')
  texts.set(path, text)
  for (const [, target = ''] of text.matchAll(/from '((?:\.|#runtime|#schemas)[^']+\.ts)'/g)) {
    const room = Object.keys(rooms).find((one) => target.startsWith(one))
    await readAll(room ? target.replace(room, rooms[room] as string) : join(dirname(path), target), texts)
  }
  return texts
}

/** Whether a text names this kind, or has a template that begins it and names the rest. */
function names(text: string, kind: string): boolean {
  if (text.includes(`'${kind}'`)) return true
  const parts = kind.split('.')
  return parts.slice(1).some((_, count) => {
    const [begin, rest] = [parts.slice(0, count + 1), parts.slice(count + 1)]
    return text.includes(`\`${begin.join('.')}.\${`) && names(text, rest.join('.'))
  })
}

test.each(Object.entries(writes))('the code of %s writes a row %s', async (words, kind) => {
  const { noun, service } = known.find((one) => one.words === words)!
  const commands = await readFile(join(root, 'services', service, 'commands.ts'), 'utf8')
  const file = [...commands.matchAll(/^ {2}'?([a-z -]+?)'?: \{.*?import\('(\.\/[^']+)'\)/gms)].find(
    ([, name]) => name === noun,
  )?.[2]
  const texts = await readAll(join('services', service, file!))
  expect([...texts.keys()]).toContain('services/runtime/changes/audit.ts')
  const all = [...texts]
    .filter(([path]) => !path.startsWith('schemas/'))
    .map(([, text]) => text)
    .join('\n')
  expect(names(all, kind)).toBe(true)
})
