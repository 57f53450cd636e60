import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { z } from 'zod'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { statement } from '#runtime/commands/statement.ts'

/** A file of rows, a JSON object a line, compressed by gzip. `sha256` is of the lines. */
export type Exported = { file: string; rows: number; sha256: string }

const page = 5000
const lineRow = z.object({ line: z.string() })

/**
 * Writes the rows of a table that nobody changes any more to `<folder>/<name>.ndjson.gz`, on the disk, and reads the file
 * back: an error unless it holds the same lines. Take it in with jsonb_populate_record.
 */
export async function exportTable(database: Database, table: string, folder: string, name: string): Promise<Exported> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${name}.ndjson.gz`)
  const written = await database.transaction(async (tx) => {
    const sum = new Sum()
    const lines = Readable.from(readLines(tx, table, sum))
    await pipeline(lines, createGzip(), createWriteStream(`${file}.part`))
    return sum.done()
  })
  await flush(`${file}.part`)
  const read = await readBack(`${file}.part`)
  if (read.rows !== written.rows || read.sha256 !== written.sha256)
    throw new Error(
      `${file}.part holds ${read.rows} lines and not the ${written.rows} of ${table}: nothing was deleted`,
    )
  await rename(`${file}.part`, file)
  await flush(folder)
  return { file, ...written }
}

async function* readLines(tx: Transaction, table: string, sum: Sum): AsyncGenerator<string> {
  await tx.query(statement(`DECLARE exported NO SCROLL CURSOR FOR SELECT to_jsonb(t)::text AS line FROM ${table} t`))
  for (;;) {
    const rows = await tx.any(statement(`FETCH ${page} FROM exported`, {}, lineRow))
    for (const { line } of rows) sum.add(line)
    if (rows.length > 0) yield rows.map(({ line }) => `${line}\n`).join('')
    if (rows.length < page) return
  }
}

async function readBack(file: string): Promise<{ rows: number; sha256: string }> {
  const sum = new Sum()
  const unzipped = createGunzip()
  const reading = pipeline(createReadStream(file), unzipped)
  for await (const line of createInterface({ input: unzipped, crlfDelay: Infinity })) {
    JSON.parse(line)
    sum.add(line)
  }
  await reading
  return sum.done()
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}

class Sum {
  readonly #hash = createHash('sha256')
  #rows = 0
  add(line: string): void {
    this.#rows += 1
    this.#hash.update(`${line}\n`)
  }
  done(): { rows: number; sha256: string } {
    return { rows: this.#rows, sha256: this.#hash.digest('hex') }
  }
}
