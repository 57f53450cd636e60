import { jsonText, pathOf } from '../read/json-text.ts'
import type { Json, Structure } from '../read/parse.ts'

/** A leaf of a payload: what its map may have a measurement for. `text`: its JSON. */
export type Leaf = { path: string; text: string }

/** The leaves of a payload's raw_data by their seq, which counts from 0. */
export function listLeaves(root: Structure): Map<number, Leaf> {
  const leaves = new Map<number, Leaf>()
  const visit = (node: Json, path: string): void => {
    if (node.kind === 'object' && node.members.length > 0)
      for (const { key, value } of node.members) visit(value, pathOf(path, key))
    else if (node.kind === 'list' && !node.flat) for (const item of node.items) visit(item, `${path}[]`)
    else leaves.set(node.seq - root.seq, { path, text: jsonText(node) })
  }
  visit(root, '')
  return leaves
}
