import { createHash } from 'node:crypto'
import { excerpt } from '#runtime/text/shorten.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import { fitText } from './fit-text.ts'

/** How large pictures may be, and how long making one may take. */
export const limits = {
  /** CSS pixels. */
  narrowest: 240,
  widest: 2000,
  /** Characters. */
  titleLength: 200,
  nameLength: 120,
  /** Gaps, times and items named in a text alternative; the others are counted. */
  named: 3,
  /** Panels of small multiples; the others are counted. */
  panels: 24,
  /** Bars; the others are one bar. */
  bars: 30,
  /** Bytes of an SVG that becomes a PNG, pixels of the PNG, and how long that may take. */
  svgBytes: 1_000_000,
  pixels: 8_000_000,
  pictureMs: 3000,
  /** PNGs that wait in this process. */
  waiting: 100,
} as const

/**
 * Where a picture is shown. `light` and `dark` have fixed colours, for PNG. `file` follows the reader's choice of light
 * or dark by a style of its own. `page` has no background and no style: the page's style sheet contains `chartStyle`,
 * so that the picture needs no exception from the page's content security policy.
 */
type Theme = 'light' | 'dark' | 'file' | 'page'

type Role = { paints: 'fill' | 'stroke'; light: string; dark: string }

/**
 * What is painted how, in light and dark. The hues are those of Okabe and Ito, which people with any colour vision can
 * tell apart. Text has a contrast of at least 4.5:1 to the paper, and shapes that say something at least 3:1.
 */
export const roles = {
  paper: { paints: 'fill', light: '#ffffff', dark: '#15181c' },
  text: { paints: 'fill', light: '#1b1f24', dark: '#e6e8eb' },
  muted: { paints: 'fill', light: '#59636e', dark: '#9aa4af' },
  grid: { paints: 'stroke', light: '#e3e7eb', dark: '#2b3138' },
  axis: { paints: 'stroke', light: '#7d8790', dark: '#7d8790' },
  line: { paints: 'stroke', light: '#0072b2', dark: '#56b4e9' },
  point: { paints: 'fill', light: '#0072b2', dark: '#56b4e9' },
  band: { paints: 'fill', light: '#d5e7f2', dark: '#1e3a4c' },
  edge: { paints: 'stroke', light: '#4f93bd', dark: '#4a86aa' },
  mark: { paints: 'fill', light: '#c24e00', dark: '#e69f00' },
  ring: { paints: 'stroke', light: '#c24e00', dark: '#e69f00' },
  hatch: { paints: 'stroke', light: '#868e97', dark: '#727c87' },
  dots: { paints: 'fill', light: '#868e97', dark: '#727c87' },
  others: { paints: 'fill', light: '#7d8790', dark: '#7d8790' },
} as const satisfies Record<string, Role>
export type RoleName = keyof typeof roles

const rulesOf = (theme: 'light' | 'dark') =>
  Object.entries(roles).map(([name, role]) => `.chart-${name}{${role.paints}:${role[theme]}}`)

/** The style sheet of pictures in light and dark. Pages with pictures of the theme `page` add it to their own. */
export const chartStyle = `${rulesOf('light').join('')}@media (prefers-color-scheme:dark){${rulesOf('dark').join('')}}`

/** The attributes that paint an element in a role. */
function paint(theme: Theme, name: RoleName): Record<string, string> {
  const role = roles[name]
  // Attributes are weaker than any style sheet: they count where none is read.
  return theme === 'light' || theme === 'dark'
    ? { [role.paints]: role[theme] }
    : { class: `chart-${name}`, [role.paints]: role.light }
}

/** How a picture looks. */
export type Look = {
  /** In CSS pixels, within `limits`. A sparkline has 120 unless told, others 640. */
  width?: number
  /** `file` unless told. */
  theme?: Theme
  /** IANA name of the zone whose days and hours the time axis shows; UTC unless told. */
  zone?: string
  /** Begins every id in the picture: unique in its page. Derived from what the picture says unless told. */
  id?: string
}
/** What a picture says, for those who do not see it. */
export type Alternative = { title: string; description: string }

/** The parts that draw with: one picture's theme and ids. */
export type Pen = {
  width: number
  zone: string
  /** An id that is unique in the page. */
  idOf(name: string): string
  paint(role: RoleName): Record<string, string>
}

type Attributes = Record<string, string | number | undefined>

/** An element of a picture. Values of attributes are escaped; `children` are markup. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escapeText(value ?? '')}"`)
    .join('')
  return children.length > 0 ? `<${name}${written}>${children.join('')}</${name}>` : `<${name}${written}/>`
}

/** Texts of modules as markup: escaped, and without what no XML may contain. */
export function escapeText(text: string): string {
  return escapeHtml(text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, ' '))
}

/** A place in a picture, in pixels, as its attributes have it. Fails where there is no such place. */
export function coordinate(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`a picture has no coordinate ${value}`)
  return String(Math.round(value * 10) / 10 || 0)
}

/** A text of one line; `size` in pixels. */
export function label(
  pen: Pen,
  text: string,
  at: { x: number; y: number; size?: number; anchor?: 'middle' | 'end'; role?: RoleName },
): string {
  const { x, y, size, anchor, role = 'muted' } = at
  return element('text', { ...pen.paint(role), x, y, 'font-size': size, 'text-anchor': anchor }, escapeText(text))
}

/** The title of a picture, cut to its width. */
export function heading(pen: Pen, title: string): string {
  const text = fitText(title, pen.width - 8, headingSize)
  return label(pen, text, { x: 4, y: 16, size: headingSize, role: 'text' })
}

/** A whole picture. `draw` returns its markup and height. The same look and alternative give the same ids. */
export function drawPicture(
  look: Look,
  { title, description }: Alternative,
  draw: (pen: Pen) => { height: number; markup: string[] },
  [narrowest, usual]: readonly [narrowest: number, usual: number] = [limits.narrowest, 640],
): string {
  const { theme = 'file', zone = 'UTC', width = usual } = look
  if (!(width >= narrowest && width <= limits.widest))
    throw new RangeError(`a picture is ${narrowest} to ${limits.widest} pixels wide, not ${width}`)
  const prefix = readId(look.id) ?? hashOf([title, description, width, theme, zone])
  const pen: Pen = { width, zone, idOf: (name) => `${prefix}-${name}`, paint: (role) => paint(theme, role) }
  const { height, markup } = draw(pen)
  const ids = { title: pen.idOf('title'), description: pen.idOf('text') }
  const family = theme === 'light' || theme === 'dark' ? fontFamily : `system-ui, sans-serif, '${fontFamily}'`
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}`,
      role: 'img',
      'aria-labelledby': `${ids.title} ${ids.description}`,
      'font-family': family,
      'font-size': fontSize,
    },
    element('title', { id: ids.title }, escapeText(excerpt(title, limits.titleLength))),
    element('desc', { id: ids.description }, escapeText(description)),
    ...(theme === 'file' ? [element('style', {}, chartStyle)] : []),
    ...(theme === 'page' ? [] : [element('rect', { ...pen.paint('paper'), width, height })]),
    ...markup,
  )
}

/** The font of pictures as PNG. */
export const fontFamily = 'DejaVu Sans'
export const fontSize = 12
const headingSize = 14

function readId(id: string | undefined): string | undefined {
  if (id !== undefined && !/^[a-z][a-z0-9-]{0,60}$/i.test(id)) throw new RangeError(`${id} cannot begin an id`)
  return id
}

function hashOf(content: readonly unknown[]): string {
  return `c${createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 10)}`
}
