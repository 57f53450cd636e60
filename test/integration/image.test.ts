import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { answers } from '../../deploy/local/processes.ts'
import { findUnprivilegedUser } from '../../deploy/local/unprivileged.ts'
import { startProcess } from '../harness/process.ts'
import { createInstallation } from '../harness/installation.ts'

// Needs no Docker engine: it takes the steps of deploy/Dockerfile in an empty folder and runs its command there as an
// unprivileged user who may not write.
const run = promisify(execFile)
const steps = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const)
const user = findUnprivilegedUser()
let parent = ''
let node = ''
/** The folder of each stage. */
const packages = () => join(parent, 'packages')
const app = () => join(parent, 'app')

async function doStep([instruction, rest]: readonly [string, string], folder: string): Promise<void> {
  if (instruction === 'COPY') {
    const from = rest.startsWith('--from=packages ') ? packages() : root
    const parts = rest.replace('--from=packages ', '').replaceAll('/parma-analytics/', '').split(' ')
    const target = join(folder, parts.at(-1) ?? '')
    for (const source of parts.slice(0, -1)) {
      const options = { recursive: true, filter: (path: string) => !path.endsWith('.test.ts') }
      const isInto = parts.at(-1)?.endsWith('/')
      cpSync(join(from, source), isInto ? join(target, basename(source)) : target, options)
    }
  } else if (instruction === 'RUN') {
    await run('sh', ['-c', rest], { cwd: folder, maxBuffer: 64e6 })
  }
}

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'image-'))
  chmodSync(parent, 0o755)
  mkdirSync(packages())
  mkdirSync(app())
  // The image has its own Node; ours may be where that user cannot go.
  node = join(parent, 'node')
  copyFileSync(process.execPath, node)
  chmodSync(node, 0o755)
  const last = steps.findLastIndex(([instruction]) => instruction === 'FROM')
  for (const [index, step] of steps.entries()) await doStep(step, index < last ? packages() : app())
  await run('chmod', ['-R', 'a+rX,go-w', app()])
}, 300_000)
afterAll(() => rmSync(parent, { recursive: true, force: true }))

describe('the image', () => {
  test('knows no other instructions than those tried here', () => {
    const known = ['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'LABEL', 'ENV', 'USER', 'HEALTHCHECK', 'CMD']
    expect([...new Set(steps.map(([instruction]) => instruction))].sort()).toEqual(known.sort())
    const restOf = (name: string) => steps.find(([instruction]) => instruction === name)?.[1]
    expect(restOf('ARG')).toMatch(/^BASE=docker\.io\/library\/node:24-bookworm-slim@sha256:[0-9a-f]{64}$/)
    expect(restOf('USER')).toBe('1000:1000')
    expect(restOf('HEALTHCHECK')).toBe('NONE')
  })

  test('has the packages of production, without what only people and compilers read, and says which', () => {
    const modules = join(app(), 'node_modules')
    expect(existsSync(join(modules, 'vitest'))).toBe(false)
    expect(existsSync(join(modules, 'kafkajs/LICENSE'))).toBe(true)
    const files = readdirSync(modules, { recursive: true, encoding: 'utf8' })
    expect(files.filter((name) => /\.(map|md|[cm]?ts)$/.test(name) && !/licen[cs]e/i.test(name))).toEqual([])
    type Bill = { bomFormat: string; metadata: { component: { name: string } }; components: { name: string }[] }
    const bill = JSON.parse(readFileSync(join(app(), 'sbom.cdx.json'), 'utf8')) as Bill
    expect(bill.bomFormat).toBe('CycloneDX')
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
    const named = bill.components.map(({ name }) => name)
    expect(named).toEqual(expect.arrayContaining(Object.keys(dependencies)))
    expect(named).not.toContain('vitest')
  })

  test('runs its command as an unprivileged user', async () => {
    const [, ...args] = JSON.parse(steps.find(([instruction]) => instruction === 'CMD')?.[1] ?? '[]') as string[]
    const { stdout } = await run(node, args, { cwd: app(), env: { NODE_ENV: 'production' }, ...user })
    expect(stdout).toContain('Usage: parma')
  })

  test('draws pictures, with letters, though it has no fonts', async () => {
    const program = `
      const { makePicture } = await import('./services/runtime/chart/pictures.ts')
      const log = { warn: (fields) => console.error(fields.error) }
      const draw = (text) => '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60" font-family="DejaVu Sans" ' +
        'font-size="40"><rect width="60" height="60" fill="#fff"/><text x="10" y="45">' + text + '</text></svg>'
      const pictures = await Promise.all(['W', 'l'].map((text) => makePicture(log, {}, () => draw(text))))
      process.stdout.write(JSON.stringify(pictures.map(({ png }) => png.toString('base64'))))`
    const env = { NODE_ENV: 'production', FONTCONFIG_FILE: '/nonexistent', HOME: '/nonexistent' }
    const args = ['--input-type=module', '--eval', program]
    const { stdout } = await run(node, args, { cwd: app(), env, ...user })
    const widths = await Promise.all(
      (JSON.parse(stdout) as string[]).map(async (png) => {
        const trimmed = sharp(Buffer.from(png, 'base64')).trim({ background: '#fff', threshold: 60 })
        return (await trimmed.toBuffer({ resolveWithObject: true })).info.width
      }),
    )
    // Boxes, which stand for letters that no font has, are all of one size.
    expect(widths[0]).toBeGreaterThan(60)
    expect(widths[1]).toBeLessThan(12)
  })

  test('runs a service of docker-compose.yml on its environment, with the addresses of this machine', async () => {
    const { env } = await createInstallation()
    type Compose = { services: Record<string, { command: string[]; environment: Record<string, string> }> }
    const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose
    const { command, environment } = compose.services.normalizer ?? { command: [], environment: {} }
    const own = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, env[name] ?? value]))
    const port = String(await findFreePort())
    const started = await startProcess(
      'normalizer',
      [join(app(), command[1] ?? '')],
      { ...own, HEALTH_PORT: port, TOPIC_PREFIX: env.TOPIC_PREFIX, NODE_ENV: 'production' },
      () => answers(`http://127.0.0.1:${port}/readyz`),
      60_000,
      { command: node, cwd: app(), ...user },
    )
    expect(await started.stop(30_000)).toBe(0)
  })
})
