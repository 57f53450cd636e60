import { renameSync, writeFileSync } from 'node:fs'

/** Replaces `file` in one step: a reader finds the old or the new content, even after a crash. */
export function writeWholeFile(file: string, content: string, mode?: number): void {
  writeFileSync(`${file}.next`, content, { mode })
  renameSync(`${file}.next`, file)
}
