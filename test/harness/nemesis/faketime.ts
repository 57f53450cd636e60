import { existsSync } from 'node:fs'

const folders = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''].map((name) => `/usr/lib/${name}/faketime`)

/** The library that gives one process a clock of its own, from Debian's package libfaketime. */
export function findLibfaketime(): string {
  const file = folders.map((folder) => `${folder}/libfaketimeMT.so.1`).find((path) => existsSync(path))
  if (file === undefined)
    throw new Error(
      'libfaketime is missing, which steps the clock of one process: install it, for example the package libfaketime.',
    )
  return file
}
