/**
 * The `packages` that belong to a company: those whose name or scope is the company's name. Case, punctuation and a
 * trailing "js" do not matter: "Node.js" has `node`, and "Testcontainers" has all of `@testcontainers/…`.
 */
export function findPackages(company: string, packages: Iterable<string>): string[] {
  const wanted = simplify(company)
  if (wanted === '') return []
  return [...packages].filter((name) => simplify(name) === wanted || simplify(scopeOf(name)) === wanted).sort()
}

function scopeOf(name: string): string {
  return name.startsWith('@') ? (name.slice(1).split('/')[0] ?? '') : ''
}

function simplify(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replace(/js$/, '')
}
