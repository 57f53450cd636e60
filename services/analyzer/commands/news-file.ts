import { randomUUID } from 'node:crypto'
import { createReadStream, rmSync } from 'node:fs'
import { mkdir, open, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UsageError } from '#runtime/commands/commands.ts'

/** Where a command writes news items, one JSON object a line. */
export type NewsFile = {
  add<T extends { observed_at: number }>(news: readonly T[]): Promise<void>
  /** Puts the whole in its place. Until then, and after a failure or a signal, nothing is there. */
  finish(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens the file `output`, or stdout if it is null. */
export async function openNewsFile(output: string | null): Promise<NewsFile> {
  const folder = output === null ? tmpdir() : dirname(output)
  if (output !== null) await requireFile(output)
  const temporary = join(folder, `.${output === null ? 'parma-news' : basename(output)}.${randomUUID()}`)
  const file = await create(temporary)
  const removal = removeInTheEnd([temporary])
  return {
    async add(news) {
      await file.appendFile(news.map((row) => `${JSON.stringify(asLine(row))}\n`).join(''))
    },
    async finish() {
      await file.close()
      if (output !== null) return rename(temporary, output)
      await pipeline(createReadStream(temporary), process.stdout, { end: false }).catch((error: unknown) => {
        // Whoever reads has read enough, as `head` does.
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
      })
    },
    async [Symbol.asyncDispose]() {
      await file.close().catch(() => undefined)
      removal[Symbol.dispose]()
    },
  }
}

/**
 * Removes files and folders when the result is disposed of, or when a signal ends the process before. More may be added
 * to `paths` until then.
 */
export function removeInTheEnd(paths: readonly string[]): Disposable {
  const remove = () => {
    for (const path of paths) rmSync(path, { recursive: true, force: true })
  }
  const stop = (signal: NodeJS.Signals) => {
    remove()
    process.removeListener(signal, stop)
    process.kill(process.pid, signal)
  }
  for (const signal of signals) process.on(signal, stop)
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.removeListener(signal, stop)
      remove()
    },
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

async function create(file: string) {
  try {
    await mkdir(dirname(file), { recursive: true })
    return await open(file, 'wx')
  } catch (error) {
    throw new UsageError(
      `${dirname(file)} cannot be written to: ${(error as Error).message}. Name a file in another folder with --output.`,
    )
  }
}

async function requireFile(output: string): Promise<void> {
  if (output.trim() === '') throw new UsageError('--output is empty: name a file.')
  const known = await stat(output).catch(() => null)
  if (known?.isDirectory()) throw new UsageError(`--output is the folder ${output}: name a file in it.`)
}

function asLine(row: { observed_at: number }) {
  return { ...row, observed_at: new Date(row.observed_at).toISOString() }
}
