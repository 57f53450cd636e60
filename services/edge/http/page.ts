import { createHash } from 'node:crypto'
import { chartStyle } from '#runtime/chart/svg.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { RouteResponse } from './response.ts'

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --muted: #59636e; --line: #d8dee4; --accent: #0b57d0; --on-accent: #fff }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --muted: #9aa4af; --line: #343b44; --accent: #a8c7fa; --on-accent: #062e6f }
  body { background: #15181c }
}
body {
  margin: 0 auto; max-width: 44rem; padding: 2.5rem 1.25rem 4rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--text); overflow-wrap: anywhere;
}
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 2rem 0 .25rem; font-size: 1.0625rem }
p { margin: 0 0 1rem }
dl { margin: 0; display: grid; grid-template-columns: 9rem 1fr }
dt, dd { margin: 0; padding: .5rem 0; border-top: 1px solid var(--line) }
dt { color: var(--muted) }
@media (max-width: 36rem) {
  body { padding-top: 1.5rem }
  dl { grid-template-columns: 1fr }
  dt { padding-bottom: 0; font-size: .875rem }
  dd { padding-top: 0; border-top: 0 }
}
button {
  padding: .625rem 1.25rem; border: 0; border-radius: .375rem; background: var(--accent); color: var(--on-accent);
  font: inherit; font-weight: 600; cursor: pointer;
}
button:hover { filter: brightness(1.1) }
figure { margin: 0 0 1.5rem }
figure svg { display: block; width: 100%; height: auto }
figure .wide { display: none }
@media (min-width: 36rem) { figure .wide { display: block } figure .narrow { display: none } }
${chartStyle}
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** A page for people, for phones and large screens, light or dark. `content` is HTML. */
export function page(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${content}
</body>
</html>
`
}

export const pageType = 'text/html; charset=utf-8'

/** Headers of a page behind a signed link. Its forms may be sent to `formAction`. It loads nothing. */
export function pageHeaders(formAction: "'none'" | "'self'" = "'none'"): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "base-uri 'none'",
    `form-action ${formAction}`,
    "frame-ancestors 'none'",
  ]
  return {
    'content-type': pageType,
    'content-security-policy': policy.join('; '),
    // The link is the credential.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
}

/** A page with one message. */
export function messagePage(status: number, title: string, text: string): RouteResponse {
  return { status, headers: pageHeaders(), body: page(title, `<p>${escapeHtml(text)}</p>`) }
}

/** For a link whose signature is missing or wrong. */
export function invalidLinkPage(): RouteResponse {
  return messagePage(403, 'Invalid link', 'Open the link exactly as it appears in the message.')
}
