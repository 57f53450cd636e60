import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { root } from '../../deploy/local/config.ts'
import { onCleanup } from './cleanup.ts'
import type { Installation } from './installation.ts'

/**
 * The version whose services must work on the schema of today, because they run on it while they are replaced: the last
 * one before migrations were named by their time. Move it forward when that version is nowhere in use any more.
 */
const earlierCommit = 'afca7b8827be9d09ceb935c3d241d8c450da1822'

const run = promisify(execFile)
const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim()

/**
 * Checks an earlier version out into a folder of its own, with the packages of its lock file, and returns the folder.
 * It is removed when the test is over.
 */
export async function checkOutEarlierVersion(commit = earlierCommit): Promise<string> {
  await requireCommit(commit)
  const folder = join(await mkdtemp(join(tmpdir(), 'parma-earlier-')), 'parma-analytics')
  onCleanup(async () => {
    await git('worktree', 'remove', '--force', folder)
    await rm(join(folder, '..'), { recursive: true })
  })
  await git('worktree', 'add', '--detach', folder, commit)
  await symlink(await packagesOf(folder), join(folder, 'node_modules'))
  return folder
}

/** The topics and schemas as an upgrade finds and leaves them: applied by the version in `folder`, then by today's. */
export async function applyTopics({ env, parma }: Installation, folder: string): Promise<void> {
  await run(process.execPath, [join(folder, 'services/cli/main.ts'), 'topics', 'apply'], { cwd: folder, env })
  await parma('topics', 'apply')
}

async function requireCommit(commit: string): Promise<void> {
  const isThere = await git('cat-file', '-e', `${commit}^{commit}`).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const isShallow = (await git('rev-parse', '--is-shallow-repository')) === 'true'
  throw new Error(
    `The commit ${commit} is missing, whose services this test runs. ` +
      (isShallow ? 'This clone is shallow: run `git fetch --unshallow`.' : 'Run `git fetch --all`.'),
  )
}

/** Today's packages, if the lock files are the same. Otherwise they are installed, once for each lock file. */
async function packagesOf(folder: string): Promise<string> {
  const [today, earlier] = await Promise.all(
    [root, folder].map((where) => readFile(join(where, 'package-lock.json'), 'utf8')),
  )
  if (today === earlier) return join(root, 'node_modules')
  const cache = join(root, '.cache/earlier', createHash('sha256').update(earlier!).digest('hex').slice(0, 16))
  if (existsSync(cache)) return join(cache, 'node_modules')
  // Under another name until it is complete.
  const partial = `${cache}-${process.pid}`
  await mkdir(partial, { recursive: true })
  for (const name of ['package.json', 'package-lock.json'])
    await writeFile(join(partial, name), await readFile(join(folder, name)))
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: partial, maxBuffer: 64 * 1024 * 1024 })
  await rename(partial, cache)
  return join(cache, 'node_modules')
}
