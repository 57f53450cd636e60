import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const)
const user = findUnprivilegedUser()
let parent = ''
let node = ''
const app = () => join(parent, 'app')

async function doStep([instruction, rest]: readonly [string, string]): Promise<void> {
  if (instruction === 'COPY') {
    const parts = rest.split(' ')
    const target = join(app(), parts.at(-1) ?? '')
    for (const source of parts.slice(0, -1)) {
      const options = { recursive: true, filter: (path: string) => !path.endsWith('.test.ts') }
      cpSync(join(root, source), parts.length > 2 ? join(target, basename(source)) : target, options)
    }
  } else if (instruction === 'RUN') {
    await run('sh', ['-c', rest], { cwd: app(), maxBuffer: 64e6 })
  }
}

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'image-'))
  chmodSync(parent, 0o755)
  mkdirSync(app())
  // The image has its own Node; ours may be where that user cannot go.
  node = join(parent, 'node')
  copyFileSync(process.execPath, node)
  chmodSync(node, 0o755)
  for (const step of steps) await doStep(step)
  await run('chmod', ['-R', 'a+rX,go-w', app()])
}, 300_000)
afterAll(() => rmSync(parent, { recursive: true, force: true }))

describe('the image', () => {
  test('knows no other instructions than those tried here', () => {
    expect(steps.map(([instruction]) => instruction).filter((name, index, all) => all.indexOf(name) === index)).toEqual(
      ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'CMD'],
    )
    expect(steps.find(([instruction]) => instruction === 'FROM')?.[1]).toMatch(/^node:24/)
    expect(steps.find(([instruction]) => instruction === 'USER')?.[1]).toBe('node')
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
