import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { FieldValue, type Firestore, type QueryDocumentSnapshot } from '@google-cloud/firestore'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult } from '#runtime/commands/commands.ts'
import { inSteps } from '#runtime/calls/in-steps.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { hasCode } from '#runtime/calls/retry.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { hashOf } from '#runtime/firestore/read-payload.ts'
import { failedPrecondition, notFound } from '#runtime/firestore/grpc-codes.ts'
import { formatCount } from '#runtime/text/format.ts'
import { readConfig } from './config.ts'
import { pagesOf } from '#runtime/firestore/raw-documents.ts'
import { findSources } from './raw-documents.ts'

type Options = { source?: string; rate: string; dryRun?: boolean; json?: boolean }
type Moved = { moved: number; bytes: number; left: string[] }

export function build(group: Command): void {
  group
    .command('move-bodies')
    .description('take the bytes of raw documents of earlier versions out of what parma-web exports')
    .option('--source <name>', 'only documents of this data source')
    .option('--rate <n>', 'documents per second', '100')
    .option('--dry-run', 'print how many there are, change nothing')
    .option('--json', 'print JSON')
    .action(moveBodies)
}

/** Read at once: each is up to 1 MiB. */
const pageSize = 20

/** One commit takes 4 MB in emulators, and a body is half of its document at most. */
const maxCommitBytes = 1024 * 1024

/**
 * Moves the field `body` of raw documents to `parts/1`, as documents are written now. A document and its part change in
 * one commit, so it can be read at any moment. What is moved is not found again: the command may be stopped and run
 * again, beside services that work.
 */
async function moveBodies({ source, rate, dryRun = false, json = false }: Options): Promise<void> {
  const perSecond = requireCount(rate, '--rate', { most: 10_000 })
  await using scope = new AsyncDisposableStack()
  const firestore = openFirestore(readConfig().firestore)
  scope.defer(() => firestore.terminate())
  const sources = await findSources(firestore, source)
  if (!dryRun && sources.length > 0) await audit(sources)
  const total: Moved = { moved: 0, bytes: 0, left: [] }
  for (const name of sources) {
    const old = firestore.collection(`parma/mining/datasource/${name}/raw_data`).where('body_parts', '==', 0)
    for await (const page of pagesOf(dryRun ? old.select('body_bytes') : old, dryRun ? 1000 : pageSize)) {
      const done = dryRun ? countOf(page) : await movePage(firestore, page)
      total.moved += done.moved
      total.bytes += done.bytes
      total.left.push(...done.left)
      if (!dryRun) await delay((1000 * page.length) / perSecond)
      if (!json && process.stderr.isTTY) process.stderr.write(`\r${name}: ${formatCount(total.moved, 'document')}`)
    }
  }
  if (!json && process.stderr.isTTY) process.stderr.write('\r')
  const what = `${formatCount(total.moved, 'document')} with ${formatCount(total.bytes, 'byte')}`
  const left = total.left.map((message) => `\nNot moved: ${message}.`).join('')
  const text = dryRun ? `To be moved: ${what}.` : `Moved: ${what}.${left}`
  printResult({ dry_run: dryRun, ...total }, text, json)
  if (total.left.length > 0) process.exitCode = 1
}

/** Before the first document: a command that is killed has a row, too. */
async function audit(sources: readonly string[]): Promise<void> {
  const after = { sources }
  await withDatabase((database) =>
    auditCommand(database, 'cli', { kind: 'cli.documents.move', subject: 'documents', after }),
  )
}

function countOf(page: readonly QueryDocumentSnapshot[]): Moved {
  return { moved: page.length, bytes: sum(page.map((document) => document.get('body_bytes') as number)), left: [] }
}

async function movePage(firestore: Firestore, page: readonly QueryDocumentSnapshot[]): Promise<Moved> {
  const sound = page.filter((document) => hashOf(bodyOf(document)) === document.get('content_hash'))
  const left = page
    .filter((document) => !sound.includes(document))
    .map(({ ref }) => `${ref.path}: the body is not the one that was stored`)
  const done: Moved = { moved: 0, bytes: 0, left }
  for (const group of inSteps(sound, maxCommitBytes, (document) => bodyOf(document).length)) {
    const missed = await commit(firestore, group)
    const moved = group.filter((document) => !missed.includes(document))
    done.moved += moved.length
    done.bytes += sum(moved.map((document) => bodyOf(document).length))
    done.left.push(...missed.map(({ ref }) => `${ref.path}: it was changed or deleted at the same time`))
  }
  return done
}

/** Returns the documents that others changed or deleted in between. */
async function commit(
  firestore: Firestore,
  documents: readonly QueryDocumentSnapshot[],
): Promise<QueryDocumentSnapshot[]> {
  const batch = firestore.batch()
  for (const document of documents) {
    const part = { bytes: bodyOf(document), content_hash: document.get('content_hash') as string }
    // A body that Firestore refused with its first `data` has left a part with these bytes.
    batch.set(document.ref.collection('parts').doc('1'), part)
    const unchanged = { lastUpdateTime: document.updateTime }
    batch.update(document.ref, { body: FieldValue.delete(), body_parts: 1 }, unchanged)
  }
  try {
    await batch.commit()
    return []
  } catch (error) {
    if (!hasCode(error, failedPrecondition, notFound)) throw error
    if (documents.length === 1) return [...documents]
    const missed: QueryDocumentSnapshot[] = []
    for (const document of documents) missed.push(...(await commit(firestore, [document])))
    return missed
  }
}

const bodyOf = (document: QueryDocumentSnapshot) => (document.get('body') ?? Buffer.alloc(0)) as Buffer
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
