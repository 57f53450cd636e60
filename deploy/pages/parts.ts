/** A Markdown page of this repository. `path` is relative to its root. */
export type Page = { path: string; text: string }

/** Where a code span or block stands, and what is in it. */
export type Code = { line: number; text: string; isBlock: boolean }

/** The page without code: the same lines, code replaced by blanks, so that line numbers stay. */
export function proseOf({ text }: Page): string {
  return text
    .replaceAll(/^(```+|~~~+).*?^\1[`~]*$/gms, blank)
    .replaceAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g, blank)
    .replaceAll(/<!--.*?-->/gs, blank)
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ')
}

/** All code of a page, in order. */
export function codeOf({ text }: Page): Code[] {
  const found: Code[] = []
  const rest = text.replaceAll(
    /^(```+|~~~+)[^\n]*\n(.*?)^\1[`~]*$/gms,
    (block: string, _fence, body: string, at: number) => {
      found.push({ line: lineAt(text, at) + 1, text: body, isBlock: true })
      return blank(block)
    },
  )
  for (const { 2: body = '', index } of rest.matchAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g))
    found.push({ line: lineAt(text, index), text: body, isBlock: false })
  return found.sort((a, b) => a.line - b.line)
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** The anchors that GitHub gives the headings of a page; a heading that occurs again gets a number. */
export function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>()
  const withoutBlocks = page.text.replaceAll(/^(```+|~~~+).*?^\1[`~]*$/gms, blank)
  for (const [, title = ''] of withoutBlocks.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const anchor = anchorOf(title)
    let unique = anchor
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`
    anchors.add(unique)
  }
  return anchors
}

/** The anchor of one heading: lower case, links as their text, blanks as hyphens, other signs dropped. */
function anchorOf(title: string): string {
  return title
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}
