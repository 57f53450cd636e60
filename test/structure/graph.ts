import { posix } from 'node:path'
import type { Module } from './read-module.ts'

/** `from` uses something of `to`. All paths are relative to the repository. */
export type Edge = { from: string; to: string; isType: boolean }

export type Graph = {
  /** File to file, as the imports are written: what Node loads. */
  written: Edge[]
  /** File to the file that declares what is imported: whom the importer really knows. */
  declared: Edge[]
}

/** Which file imports which. Packages, and files that are not among `modules`, are left out. */
export function linkModules(modules: Module[]): Graph {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const graph: Graph = { written: [], declared: [] }
  for (const module of modules)
    for (const { from, name, isType } of module.imports) {
      const target = resolveSpecifier(module.path, from)
      if (!byPath.has(target)) continue
      graph.written.push({ from: module.path, to: target, isType })
      graph.declared.push({ from: module.path, to: findDeclaring(byPath, target, name) ?? target, isType })
    }
  return { written: mergeEdges(graph.written), declared: mergeEdges(graph.declared) }
}

/** The path a specifier means, as `imports` of package.json says. */
function resolveSpecifier(importer: string, specifier: string): string {
  if (specifier.startsWith('#runtime/')) return `services/runtime/${specifier.slice('#runtime/'.length)}`
  if (specifier.startsWith('#schemas/')) return `schemas/${specifier.slice('#schemas/'.length)}`
  return specifier.startsWith('.') ? posix.join(posix.dirname(importer), specifier) : specifier
}

/** The file that declares what `path` exports as `name`; null when it exports nothing of that name. */
function findDeclaring(
  modules: Map<string, Module>,
  path: string,
  name: string,
  seen = new Set<string>(),
): string | null {
  const module = modules.get(path)
  if (!module || seen.has(path)) return null
  seen.add(path)
  if (name === '*' || name === '') return path
  const found = module.exports.find((exported) => exported.name === name)
  if (found?.source) {
    const next = resolveSpecifier(path, found.source.from)
    return modules.has(next) ? findDeclaring(modules, next, found.source.name, seen) : path
  }
  if (found) return path
  for (const star of module.stars) {
    const declaring = findDeclaring(modules, resolveSpecifier(path, star), name, seen)
    if (declaring) return declaring
  }
  return null
}

/** One edge for each pair of files: of a value when any of the imports between them is. */
function mergeEdges(edges: Edge[]): Edge[] {
  const merged = new Map<string, Edge>()
  for (const { from, to, isType } of edges) {
    if (from === to) continue
    const key = `${from} ${to}`
    merged.set(key, { from, to, isType: isType && (merged.get(key)?.isType ?? true) })
  }
  return [...merged.values()]
}

/**
 * One shortest cycle of each knot of nodes that reach each other, sorted; each starts with its first name and does not
 * repeat it at the end.
 */
export function findCycles(edges: { from: string; to: string }[]): string[][] {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  const cycles: string[][] = []
  const done = new Set<string>()
  for (const start of [...next.keys()].sort()) {
    if (done.has(start)) continue
    const cycle = findWayBack(next, start)
    if (!cycle) continue
    cycles.push(cycle)
    for (const node of [...reach(next, start)].filter((node) => reach(next, node).has(start))) done.add(node)
  }
  return cycles
}

function findWayBack(next: Map<string, string[]>, start: string): string[] | null {
  const before = new Map<string, string>()
  for (let ring = [start]; ring.length > 0;) {
    const further: string[] = []
    for (const node of ring)
      for (const neighbour of next.get(node) ?? []) {
        if (neighbour === start) return wayTo(before, start, node)
        if (before.has(neighbour)) continue
        before.set(neighbour, node)
        further.push(neighbour)
      }
    ring = further
  }
  return null
}

function wayTo(before: Map<string, string>, start: string, end: string): string[] {
  const way = [end]
  while (way[0] !== start) way.unshift(before.get(way[0] as string) as string)
  return way
}

function reach(next: Map<string, string[]>, start: string): Set<string> {
  const seen = new Set<string>()
  const open = [start]
  for (let node = open.pop(); node !== undefined; node = open.pop())
    for (const neighbour of next.get(node) ?? [])
      if (!seen.has(neighbour)) {
        seen.add(neighbour)
        open.push(neighbour)
      }
  return seen
}
