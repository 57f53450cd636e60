import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { EncodingError, readText } from '../text/read-text.ts'
import { UsageError } from './commands.ts'

/** The text of a file that a command is given, or of stdin for `-`. A UsageError when it cannot be read or is no UTF-8. */
export async function readInput(file: string): Promise<string> {
  try {
    return readText(file === '-' ? await buffer(process.stdin) : await readFile(file))
  } catch (error) {
    if (error instanceof EncodingError) throw new UsageError(`${file} is ${error.message}.`)
    if (error instanceof Error && 'code' in error) throw new UsageError(`${file} cannot be read: ${error.message}.`)
    throw error
  }
}
