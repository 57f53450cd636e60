import { posix } from 'node:path'
import { type Edge, findCycles, type Graph } from './graph.ts'
import type { Module } from './read-module.ts'

/** Above these `make check` fails. */
export const limits = { fileLines: 250, functionLines: 69, roomFiles: 12 }

export type ServiceMeasures = {
  service: string
  /** Source files without tests. */
  files: number
  /** Folders of source files; a flat service has none. */
  rooms: number
  /** Pairs of files of which one imports what the other declares. */
  imports: number
  /** Those of them that lead from one room to another, without the files at the service's root. */
  importsAcross: number
  /** Files with such an import. */
  filesAcross: number
  /** Pairs of rooms with such an import. */
  roomPairs: number
}

export type Breach = { kind: 'cycle' | 'long file' | 'long function' | 'full room' | 'forwards'; text: string }

/** Tests are not measured: a `describe` is a long function, and a test may import from any room. */
export function isSource(path: string): boolean {
  return !path.endsWith('.test.ts')
}

export function measureServices(modules: Module[], { declared }: Graph): ServiceMeasures[] {
  const services = new Set(modules.flatMap(({ path }) => serviceOf(path) ?? []))
  return [...services].sort().map((service) => {
    const files = modules.map(({ path }) => path).filter((path) => isSource(path) && serviceOf(path) === service)
    const own = new Set(files)
    const imports = declared.filter(({ from, to }) => own.has(from) && own.has(to))
    const across = imports.filter(isAcross)
    return {
      service,
      files: files.length,
      rooms: new Set(files.flatMap((path) => roomOf(path) ?? [])).size,
      imports: imports.length,
      importsAcross: across.length,
      filesAcross: new Set(across.map(({ from }) => from)).size,
      roomPairs: new Set(across.map(({ from, to }) => `${roomOf(from)} ${roomOf(to)}`)).size,
    }
  })
}

/** Each breach of a limit as a sentence with its place, kind by kind. */
export function findBreaches(modules: Module[], graph: Graph): Breach[] {
  const sources = modules.filter(({ path }) => isSource(path))
  const outsideTests = sources.filter(({ path }) => !path.startsWith('test/'))
  return [
    ...describeCycles(graph).map((text): Breach => ({ kind: 'cycle', text })),
    ...outsideTests.flatMap(({ path, lines }): Breach[] =>
      lines > limits.fileLines
        ? [{ kind: 'long file', text: `${path} has ${lines} lines, more than ${limits.fileLines}` }]
        : [],
    ),
    ...outsideTests.flatMap(({ path, functions }) =>
      functions.flatMap(({ name, line, lines }): Breach[] => {
        const text = `${path}:${line} ${name} has ${lines} lines, more than ${limits.functionLines}`
        return lines > limits.functionLines ? [{ kind: 'long function', text }] : []
      }),
    ),
    ...countRooms(sources).flatMap(([room, files]): Breach[] =>
      files > limits.roomFiles
        ? [{ kind: 'full room', text: `${room}/ has ${files} files, more than ${limits.roomFiles}` }]
        : [],
    ),
    ...sources.flatMap(({ path, forwards }): Breach[] =>
      forwards
        ? [{ kind: 'forwards', text: `${path} only forwards: import from the file that declares, and delete this one` }]
        : [],
    ),
  ]
}

function describeCycles({ written, declared }: Graph): string[] {
  const ofValues = findCycles(written.filter(({ isType }) => !isType))
  const known = new Set(ofValues.flat())
  const ofTypes = findCycles(written).filter((cycle) => !cycle.every((path) => known.has(path)))
  const ofRooms = findCycles(
    declared.filter(isAcross).map(({ from, to }) => ({ from: posix.dirname(from), to: posix.dirname(to) })),
  )
  const describe = (kind: string) => (cycle: string[]) => `cycle of ${kind}: ${[...cycle, cycle[0]].join(' → ')}`
  return [...ofValues.map(describe('imports')), ...ofTypes.map(describe('types')), ...ofRooms.map(describe('rooms'))]
}

function countRooms(sources: Module[]): [string, number][] {
  const rooms = new Map<string, number>()
  for (const { path } of sources) {
    const room = roomOf(path)
    if (room) rooms.set(room, (rooms.get(room) ?? 0) + 1)
  }
  return [...rooms].sort()
}

function isAcross({ from, to }: Pick<Edge, 'from' | 'to'>): boolean {
  const rooms = [roomOf(from), roomOf(to)]
  return rooms[0] !== rooms[1] && !rooms.includes(null)
}

function serviceOf(path: string): string | null {
  return /^services\/([^/]+)\//.exec(path)?.[1] ?? null
}

/**
 * The folder of a service's file below the service's own; null for files at its root and for all that is no service.
 */
function roomOf(path: string): string | null {
  return /^services\/[^/]+\/[^/]+\//.test(path) ? posix.dirname(path) : null
}
