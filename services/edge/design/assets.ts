import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { chartStyle } from '#runtime/chart/svg.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'

type Asset = { name: string; type: string; body: string }

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')

const assets = {
  style: asset('style', 'css', 'text/css; charset=utf-8', `${read('style.css')}\n${chartStyle}\n`),
  script: asset('script', 'js', 'text/javascript; charset=utf-8', read('script.js')),
  icon: asset('icon', 'svg', 'image/svg+xml', read('icon.svg')),
}

/** The name holds a hash of the content, so a copy never grows old. */
function asset(stem: string, ending: string, type: string, body: string): Asset {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12)
  return { name: `${stem}.${hash}.${ending}`, type, body }
}

/** Where a page finds its style sheet, script or icon, relative to the root of the edge. */
export function assetPath(name: keyof typeof assets): string {
  return `assets/${assets[name].name}`
}

export const assetParams = z.object({ file: z.string().regex(/^[a-z]{1,20}\.[\w-]{1,20}\.[a-z]{2,3}$/) })

const yearSeconds = 31_536_000

/**
 * The file of this name. One of another version is answered with the present one and is not kept: while edges of two
 * versions run side by side, each may be asked for a file of the other.
 */
export function findAsset(file: string): RouteResponse {
  const found = Object.values(assets).find(({ name }) => stemAndEnding(name) === stemAndEnding(file))
  if (!found) throw new HttpError(404, 'Not Found')
  const caching = found.name === file ? `public, max-age=${yearSeconds}, immutable` : 'no-store'
  const headers = {
    'content-type': found.type,
    'cache-control': caching,
    'content-security-policy': "default-src 'none'",
  }
  return { status: 200, headers, body: found.body }
}

function stemAndEnding(name: string): string {
  return name.replace(/\..*\./, '.')
}
