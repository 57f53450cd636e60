import { fileURLToPath } from 'node:url'
import { Counter } from 'prom-client'
import { withDeadline } from '#runtime/calls/deadline.ts'
import type { Log } from '#runtime/process/log.ts'
import { fontFamily, limits } from './svg.ts'

const pictures = new Counter({
  name: 'parma_pictures_total',
  help: 'Pictures asked for, by form (svg, png) and outcome (made, failed)',
  labelNames: ['form', 'outcome'] as const,
})

/** What a picture is for, in the log of one that cannot be made: names of fields, as in `{ news_id }`. */
export type About = Record<string, string | number>
/** A PNG, and the size at which it is shown, in CSS pixels. */
export type Picture = { png: Buffer; width: number; height: number }

/** The SVG that `draw` returns. null: it cannot be drawn, which is logged and counted, and costs nothing else. */
export function tryDraw(log: Log, about: About, draw: () => string): string | null {
  try {
    const svg = draw()
    pictures.inc({ form: 'svg', outcome: 'made' })
    return svg
  } catch (error) {
    noteFailure(log, about, 'svg', error)
    return null
  }
}

/**
 * A picture of the theme `light` or `dark` as a PNG with five pixels for three CSS pixels. null: it cannot be made, or not
 * within `limits`, which is logged and counted, and costs nothing else.
 */
export async function makePicture(log: Log, about: About, draw: () => string): Promise<Picture | null> {
  const svg = tryDraw(log, about, draw)
  if (svg === null) return null
  try {
    const made = await withDeadline(render(svg), limits.pictureMs, () => new Error(`takes over ${limits.pictureMs} ms`))
    pictures.inc({ form: 'png', outcome: 'made' })
    return made
  } catch (error) {
    noteFailure(log, about, 'png', error)
    return null
  }
}

function noteFailure(log: Log, about: About, form: 'svg' | 'png', error: unknown): void {
  pictures.inc({ form, outcome: 'failed' })
  log.warn({ ...about, form, error }, 'picture_failed')
}

/**
 * Pixels a CSS pixel: as many as phones show, where a picture is narrower than it is drawn. The patterns of shaded times
 * fall on whole pixels.
 */
const density = 5 / 3

async function render(svg: string): Promise<Picture> {
  const bytes = Buffer.from(svg)
  if (bytes.length > limits.svgBytes) throw new Error(`has ${bytes.length} bytes, more than ${limits.svgBytes}`)
  const { default: sharp } = await loadSharp()
  if (sharp.counters().queue >= limits.waiting) throw new Error(`${limits.waiting} others wait`)
  const image = sharp(bytes, { density: 72 * density, limitInputPixels: limits.pixels })
  // Nothing is transparent, but leaving out that channel takes longer than compressing it.
  const { data, info } = await image
    .png({ compressionLevel: 2 })
    .timeout({ seconds: Math.ceil(limits.pictureMs / 1000) })
    .toBuffer({ resolveWithObject: true })
  return { png: data, width: Math.round(info.width / density), height: Math.round(info.height / density) }
}

let loaded: ReturnType<typeof load> | undefined

/** Loads the library at the first picture, so that who makes none neither needs nor pays for it. */
function loadSharp(): ReturnType<typeof load> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined
    throw error
  })
  return loaded
}

/**
 * SVG as PNG takes the fonts that fontconfig knows in this process. A text drawn from a file adds that file to them: our
 * one font is there without a font, a configuration or a writable folder on the machine, and letters are shaped as
 * their script needs.
 */
async function load() {
  const library = await import('sharp')
  const { default: sharp } = library
  sharp.cache(false)
  sharp.concurrency(1)
  const fontfile = fileURLToPath(import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'))
  await sharp({ text: { text: 'a', font: fontFamily, fontfile } })
    .png()
    .toBuffer()
  return library
}
