import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { UsageError } from '#runtime/commands/commands.ts'
import { formatCount } from '#runtime/text/format.ts'
import { locateInvalidUtf8 } from '#runtime/text/read-text.ts'
import { removeInTheEnd } from './news-file.ts'

/** `name`: how messages call the file. */
type Job = { name: string; from: string; to: string }

/**
 * Converts a CSV file, or all of a folder with its subfolders, to an output of the same structure. If one of them fails,
 * nothing is written: a UsageError names all files that failed, with line and reason. `say` gets the progress.
 */
export async function convertFiles(
  input: string,
  output: string,
  convert: (text: string, say: (progress: string) => void) => string,
  say: (text: string) => void,
): Promise<number> {
  const jobs = await listJobs(input, output)
  const faults: string[] = []
  const written: { temporary: string; to: string }[] = []
  const temporaries: string[] = []
  using _ = removeInTheEnd(temporaries)
  for (const [index, { name, from, to }] of jobs.entries()) {
    const at = jobs.length > 1 ? `${index + 1} of ${jobs.length} ${name}` : name
    try {
      const text = convert(await readText(from), (progress) => say(`${at}: ${progress}`))
      const temporary = join(dirname(to), `.${basename(to)}.${randomUUID()}`)
      await mkdir(dirname(to), { recursive: true })
      written.push({ temporary, to })
      temporaries.push(temporary)
      await writeFile(temporary, text)
      say(at)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      faults.push(`${name}, ${error.message}`)
    }
  }
  if (faults.length > 0) throw new UsageError(`Nothing is written.\n${faults.join('\n')}`)
  for (const { temporary, to } of written) await rename(temporary, to)
  return jobs.length
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file)
  const wrongAt = bytes.includes(0) ? bytes.indexOf(0) : locateInvalidUtf8(bytes)
  if (wrongAt === null) return bytes.toString('utf8')
  const line = bytes.toString('latin1', 0, wrongAt).split(/\r\n|\n|\r/).length
  throw new UsageError(`line ${line}: this is not a text file in UTF-8`)
}

async function listJobs(input: string, output: string): Promise<Job[]> {
  const source = await statOf(input)
  if (!source) throw new UsageError(`There is no file or folder ${input}.`)
  const target = await statOf(output)
  if (!source.isDirectory()) {
    const to = target?.isDirectory() || /[/\\]$/.test(output) ? join(output, basename(input)) : output
    if (resolve(to) === resolve(input)) throw new UsageError('--output must not be the input.')
    return [{ name: input, from: input, to }]
  }
  if (target && !target.isDirectory()) throw new UsageError(`--input is a folder, so --output must be one: ${output}`)
  if (resolve(output) === resolve(input)) throw new UsageError('--output must not be the input.')
  const entries = await readdir(input, { recursive: true, withFileTypes: true })
  const inOutput = (path: string) => !relative(resolve(output), resolve(path)).startsWith('..')
  const files = entries
    .filter((entry) => !entry.isDirectory() && /\.csv$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !inOutput(path))
    .sort()
  if (files.length === 0) throw new UsageError(`There is no .csv file in ${input}.`)
  return files.map((from) => ({ name: relative(input, from), from, to: join(output, relative(input, from)) }))
}

async function statOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

/** 1,200 rows of 3 files. */
export function describeRows(rows: number, files: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'} of ${formatCount(files, 'file')}`
}
