import { assetPath, findAsset } from '../design/assets.ts'
import { type Content, html, trusted } from '../design/html.ts'

const ofFiles = `
main { max-width: 60rem }
h3 { margin-bottom: 0 }
@page { margin: 16mm }
@media print { a { color: inherit; text-decoration: none } h2, h3 { break-after: avoid } .scroll { overflow: visible } }
`

/** A page in one file, which asks for nothing else: for mails, folders and printers. */
export function reportFile(title: string, main: Content): string {
  const style = String(findAsset(assetPath('style').replace('assets/', '')).body)
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title} – parma</title>
<style>${trusted(style + ofFiles)}</style>
</head>
<body>
<main id="main">
<h1 dir="auto">${title}</h1>
${main}
</main>
</body>
</html>
`.toString()
}
