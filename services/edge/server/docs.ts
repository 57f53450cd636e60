import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import asyncapi from '#schemas/generated/asyncapi.json' with { type: 'json' }
import { json, type RouteResponse } from '../http/response.ts'
import type { Route, RouteDoc } from './route.ts'

// Stricter than helmet's own, and without upgrade-insecure-requests, which breaks the page where the edge has no TLS.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const page = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>parma-analytics</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

// With so many routes, Swagger UI stops drawing after the first group where all are open.
const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, docExpansion: 'none', validatorUrl: null })
`

/**
 * GET /docs: Swagger UI for /openapi.json, served by the edge itself. Each of its files is a separate route, so that no
 * other file can be read. GET /asyncapi.json: what services say to each other.
 */
export function docsRoutes(): Route[] {
  return [
    fileRoute('/docs', 'text/html; charset=utf-8', async () => page),
    fileRoute('/docs/start.js', 'text/javascript; charset=utf-8', async () => start),
    packageFile('swagger-ui-bundle.js', 'text/javascript; charset=utf-8'),
    packageFile('swagger-ui.css', 'text/css; charset=utf-8'),
    packageFile('favicon-32x32.png', 'image/png'),
    {
      method: 'get',
      path: '/asyncapi.json',
      role: 'anyone',
      doc: {
        summary: 'The topics of Kafka, as this document describes the routes.',
        responses: { 200: { description: 'AsyncAPI 3.', schema: z.looseObject({ asyncapi: z.string() }) } },
      },
      handle: () => json(200, asyncapi),
    },
    {
      method: 'get',
      path: '/redoc',
      role: 'anyone',
      doc: {
        summary: 'Redirects to /docs.',
        responses: { 307: { description: 'Redirect to /docs.' } },
      },
      handle: () => ({ status: 307, headers: { location: '/docs' }, body: null }),
    },
  ]
}

function packageFile(name: string, contentType: string): Route {
  const path = fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`))
  return fileRoute(`/docs/${name}`, contentType, () => readFile(path))
}

function fileRoute(path: string, contentType: string, read: () => Promise<string | Buffer>): Route {
  const headers = { 'content-type': contentType, 'content-security-policy': policy, 'cache-control': 'no-cache' }
  return {
    method: 'get',
    path,
    role: 'anyone',
    doc: {
      summary: path === '/docs' ? 'All routes, to read and to try out.' : 'A file of /docs.',
      responses: { 200: { description: 'The file.', schema: z.string(), contentType } },
    },
    handle: async (): Promise<RouteResponse> => ({ status: 200, headers, body: await read() }),
  }
}

export const welcomeDoc: RouteDoc = {
  summary: 'Shows that this is parma-analytics.',
  responses: { 200: { description: 'The welcome.', schema: z.object({ welcome: z.string() }) } },
}

/** GET / (contract section 3). */
export function welcome(): RouteResponse {
  return json(200, { welcome: 'at parma-analytics' })
}
