import { posix } from 'node:path'
import { anchorsOf, codeOf, lineAt, type Page, proseOf } from './parts.ts'

/** What exists in the repository; paths are relative to its root, the root is '.'. */
export type Tree = { isFile(path: string): boolean; isFolder(path: string): boolean }

/**
 * Links of `page` that lead nowhere: to no file, to no heading, to a folder without a README; and paths of files in code
 * that do not exist, from the page's folder or from the root. Links to other hosts are not followed.
 */
export function findDeadLinks(page: Page, pages: readonly Page[], tree: Tree): string[] {
  const problems: string[] = []
  const folder = posix.dirname(page.path)
  const prose = proseOf(page)
  for (const { 1: target = '', index } of prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
    const problem = /^[a-z]+:/.test(target) ? null : judgeLink(page, target, pages, tree)
    if (problem) problems.push(`${page.path}:${lineAt(page.text, index)} links to ${target}, ${problem}`)
  }
  for (const { line, text, isBlock } of codeOf(page)) {
    if (isBlock || !/^\w[\w.-]*(\/[\w.-]+)+\.(ts|js|json|md|sql|yaml|yml|avsc)$/.test(text)) continue
    if (!tree.isFile(posix.normalize(text)) && !tree.isFile(posix.join(folder, text)))
      problems.push(`${page.path}:${line} names ${text}, which does not exist`)
  }
  return problems
}

function judgeLink(page: Page, target: string, pages: readonly Page[], tree: Tree): string | null {
  const [path = '', anchor] = target.split('#')
  const resolved = path === '' ? page.path : posix.join(posix.dirname(page.path), decodeURI(path)).replace(/\/$/, '')
  if (tree.isFolder(resolved)) {
    const readme = posix.join(resolved, 'README.md')
    if (!tree.isFile(readme)) return 'a folder without a README.md'
    return hasAnchor(pages, readme, anchor)
  }
  if (!tree.isFile(resolved)) return 'which does not exist'
  return resolved.endsWith('.md') ? hasAnchor(pages, resolved, anchor) : null
}

function hasAnchor(pages: readonly Page[], path: string, anchor: string | undefined): string | null {
  if (anchor === undefined) return null
  const page = pages.find((one) => one.path === path)
  return page && anchorsOf(page).has(anchor) ? null : `and ${path} has no such heading`
}
