import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { inheritedEnv, root } from '../../deploy/local/config.ts'

/** Where tools and their data are kept between runs. */
export const cacheDir = resolve(inheritedEnv.PARMA_CACHE_DIR ?? join(root, '.cache'))

/** What this machine lacks to run programs of Debian packages that are not installed; empty when it lacks nothing. */
export function listMissingForDebian(): string[] {
  const hasCommand = (name: string) =>
    (inheritedEnv.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)))
  return [
    ...(process.platform === 'linux' ? [] : ['Linux']),
    ...(process.getuid?.() === 0 ? [] : ['to be root']),
    ...['apt-get', 'dpkg'].filter((name) => !hasCommand(name)).map((name) => `Debian's ${name}`),
  ]
}

/**
 * The folder into which Debian packages are unpacked, with those that they need and this machine lacks. They are
 * fetched once; nothing is installed.
 */
export function unpackDebianPackages(names: readonly string[]): string {
  const folder = join(cacheDir, 'tools', `debian-${names.join('-')}`)
  if (existsSync(folder)) return folder
  mkdirSync(join(cacheDir, 'tools'), { recursive: true })
  const fetched = mkdtempSync(join(cacheDir, 'tools', 'fetch-'))
  const sh = (script: string) =>
    execFileSync('sh', ['-ec', script, 'sh', ...names], { cwd: fetched, stdio: ['ignore', 'pipe', 'pipe'] })
  const fetch =
    'apt-get install -qq -y --no-install-recommends --reinstall --download-only -o Dir::Cache::archives="$PWD" "$@"'
  try {
    // A machine that has never asked has no list of packages.
    sh(`${fetch} || { apt-get update -qq && ${fetch}; }`)
    sh('for package in *.deb; do dpkg -x "$package" unpacked; done')
    renameSync(join(fetched, 'unpacked'), folder)
    return folder
  } finally {
    rmSync(fetched, { recursive: true, force: true })
  }
}
