import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { topics } from '../../schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { type StartedEdge, startEdge } from '../harness/edge/setup.ts'

const run = promisify(execFile)
const guide = readFileSync(join(root, 'docs/feeding.md'), 'utf8')
const blocks = [...guide.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
  language,
  code,
}))
const codeOf = (language: string) => blocks.filter((block) => block.language === language).map(({ code }) => code)

let edge: StartedEdge
let dir = ''
let env: NodeJS.ProcessEnv = {}

beforeAll(async () => {
  edge = await startEdge()
  // Usage counts what it has processed.
  await edge.start('normalizer')
  const source = await edge.addSource('github')
  dir = mkdtempSync(join(tmpdir(), 'feeding-guide-'))
  onCleanup(() => rmSync(dir, { recursive: true, force: true }))
  const token = (await edge.token(source)).replace('Bearer ', '')
  env = { ...process.env, ...edge.env, EDGE_URL: edge.url, TOKEN: token }
})

async function runFile(name: string, code: string, command: string): Promise<string> {
  const file = join(dir, name)
  writeFileSync(file, code)
  const { stdout } = await run(command, [file], { env, cwd: root, timeout: 60_000 })
  return stdout
}

const accepted = /^201 [0-9a-f-]{36}$/gm

describe('every example of the guide for feeding runs', () => {
  test('in the shell', async () => {
    expect(codeOf('sh').length).toBeGreaterThan(2)
    // Each prints one answer.
    const out = await runFile(
      'examples.sh',
      ['set -euo pipefail', ...codeOf('sh').map((code) => `${code}\necho`)].join('\n'),
      'bash',
    )
    const answers = out
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(answers).toMatchObject([
      { accepted: 1, refused: 0 },
      { accepted: 2, refused: 0 },
      { accepted: 1, payloads: [{ status: 200, understood: { refused_as_a_whole: { reason: 'no-map' } } }] },
      { source_id: 1, days: [{}, {}, {}, {}, {}, {}, {}] },
    ])
  })

  test('in TypeScript', async () => {
    expect(codeOf('ts')).toHaveLength(1)
    expect((await runFile('example.ts', codeOf('ts')[0]!, process.execPath)).match(accepted)).toHaveLength(2)
  })

  test('in Python', async () => {
    expect(codeOf('python')).toHaveLength(1)
    expect((await runFile('example.py', codeOf('python')[0]!, 'python3')).match(accepted)).toHaveLength(2)
  })

  test('and leaves one record of each payload', async () => {
    const records = await edge.records(topics.rawPayloads)
    const stars = records.map(({ decoded }) => JSON.parse(decoded.body.toString()) as { raw_data: { stars: number } })
    expect(stars.map(({ raw_data }) => raw_data.stars).sort((a, b) => a - b)).toEqual([
      12, 13, 14, 1500, 1501, 1502, 1503,
    ])
    expect(
      blocks.map(({ language }) => language).filter((one) => !['sh', 'json', 'ts', 'python'].includes(one)),
    ).toEqual([])
  })
})
