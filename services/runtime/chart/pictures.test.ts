import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { register } from 'prom-client'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canReach, findUnprivilegedUser } from '../../../deploy/local/unprivileged.ts'
import { fullSeries } from '../../../test/harness/chart-series.ts'
import type { Log } from '../process/log.ts'
import { drawLineChart } from './draw-line.ts'
import { makePicture, tryDraw } from './pictures.ts'
import { limits } from './svg.ts'

const logged: { fields: { error: Error }; message: string }[] = []
const log = { warn: (fields: { error: Error }, message: string) => logged.push({ fields, message }) } as unknown as Log
const reasonOf = (index: number) => logged.at(index)?.fields.error.message

describe('a picture', () => {
  it.each(['light', 'dark'] as const)('is a PNG of five pixels for three of its own, %s', async (theme) => {
    const made = await makePicture(log, {}, () => drawLineChart(fullSeries(), { width: 480, theme }))
    const { format, width, height } = await sharp(made?.png).metadata()
    expect([format, width, height]).toEqual(['png', 800, Math.round((5 / 3) * (made?.height ?? 0))])
    expect(made?.width).toBe(480)
    expect(made?.png.length).toBeLessThan(80_000)
    const { channels } = await sharp(made?.png).stats()
    expect(channels[0]?.mean).toSatisfy((mean: number) => (theme === 'light' ? mean > 200 : mean < 60))
  })

  it.each([
    ['data that is none', () => drawLineChart({ title: '', points: [{ at: 0, value: NaN }] }), /is NaN/],
    ['an error in drawing', () => [][0]!['a'], /undefined/],
    ['no picture', () => 'no picture', /unsupported image format/],
    ['a picture of too many bytes', () => `<svg>${' '.repeat(limits.svgBytes)}</svg>`, /more than 1000000/],
    [
      'a picture of too many pixels',
      () => '<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9000"/>',
      /pixel limit/,
    ],
  ])('is left out because of %s, and the log says why', async (_what, draw, reason) => {
    const failed = async () =>
      (await register.getMetricsAsJSON())
        .flatMap(({ name, values }) => (name === 'parma_pictures_total' ? values : []))
        .filter(({ labels }) => labels.outcome === 'failed')
        .reduce((sum, { value }) => sum + value, 0)
    const before = await failed()
    expect(await makePicture(log, { news_id: 'n1' }, draw as () => string)).toBeNull()
    expect(logged.at(-1)).toMatchObject({ message: 'picture_failed', fields: { news_id: 'n1' } })
    expect(reasonOf(-1)).toMatch(reason)
    expect(await failed()).toBe(before + 1)
  })

  it('is left out when too many wait, and the next one is made', async () => {
    const draw = () => '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"/>'
    const made = await Promise.all(Array.from({ length: limits.waiting + 60 }, () => makePicture(log, {}, draw)))
    expect(made.filter((picture) => picture === null).length).toBeGreaterThan(0)
    expect(made.filter((picture) => picture !== null).length).toBeGreaterThan(0)
    expect(reasonOf(-1)).toMatch(/others wait|takes over/)
    expect(await makePicture(log, {}, draw)).not.toBeNull()
  })

  it('in a page is left out in the same way', () => {
    expect(tryDraw(log, {}, () => 'drawn')).toBe('drawn')
    expect(tryDraw(log, {}, () => drawLineChart({ title: '', points: [] }, { width: 1 }))).toBeNull()
    expect(reasonOf(-1)).toContain('240 to 2000 pixels wide')
  })
})

describe('letters', () => {
  const user = findUnprivilegedUser()
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pictures-'))
    chmodSync(folder, 0o755)
    writeFileSync(join(folder, 'fonts.conf'), '<?xml version="1.0"?><fontconfig></fontconfig>')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const program = `
    const { makePicture } = await import(process.argv[1])
    const log = { warn: (fields) => console.error(fields.error) }
    const draw = (text) => '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60" font-family="DejaVu Sans" font-size="40">' +
      '<rect width="60" height="60" fill="#fff"/><text x="10" y="45">' + text + '</text></svg>'
    const made = []
    for (const text of process.argv.slice(2)) made.push((await makePicture(log, {}, () => draw(text)))?.png.toString('base64'))
    process.stdout.write(JSON.stringify(made))`

  /** The width and height of what is drawn of each text, in pixels, by a process without fonts and with few rights. */
  async function drawLetters(
    texts: readonly string[],
    fontconfig: string,
  ): Promise<{ width: number; height: number; png: Buffer }[]> {
    const module = fileURLToPath(new URL('pictures.ts', import.meta.url))
    // Not every checkout can be entered by everybody. deploy's image is tried as an unprivileged user in any case.
    const as = canReach(user, module) && canReach(user, process.execPath) ? user : undefined
    const env = { FONTCONFIG_FILE: fontconfig, HOME: '/nonexistent' }
    const args = ['--input-type=module', '--eval', program, module, ...texts]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env, ...as })
    const pngs = (JSON.parse(stdout) as string[]).map((png) => Buffer.from(png, 'base64'))
    return Promise.all(
      pngs.map(async (png) => {
        const { info } = await sharp(png)
          .trim({ background: '#fff', threshold: 60 })
          .toBuffer({ resolveWithObject: true })
        return { width: info.width, height: info.height, png }
      }),
    )
  }

  it.each([
    ['an empty configuration of fonts', 'fonts.conf'],
    ['none', 'nothing.conf'],
  ])('are drawn as they are, with %s', async (_what, name) => {
    const [wide, thin, dot, hebrew, arabic] = await drawLetters(['W', 'l', '.', 'ש', 'م'], join(folder, name))
    // Boxes, which stand for letters that no font has, are all of one size.
    expect(wide?.width).toBeGreaterThan(60)
    expect(thin?.width).toBeLessThan(12)
    expect(thin?.height).toBeGreaterThan(50)
    expect(dot?.height).toBeLessThan(14)
    expect(hebrew?.png.equals(arabic?.png ?? Buffer.alloc(0))).toBe(false)
    expect(hebrew?.height).not.toBe(arabic?.height)
  })
})
