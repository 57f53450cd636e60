import { renameSync, writeFileSync } from 'node:fs'

/** Replaces `file` in one step: a reader, and a crash, finds the old or the new content, never half of one. */
export function writeWholeFile(file: string, content: string, mode?: number): void {
  writeFileSync(`${file}.next`, content, { mode })
  renameSync(`${file}.next`, file)
}
