import { glob } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'

const root = resolve(import.meta.dirname, '..')

/** `schema` is that of the first service; `own` has the defaults of those that have another one. */
type Setting = { schema: z.ZodType; services: string[]; own: Map<string, string> }
export type Settings = ReadonlyMap<string, Setting>

/** Settings by name, with the services that read them. */
export async function readSettingsOfServices(): Promise<Settings> {
  const settings = new Map<string, Setting>()
  for (const config of (await Array.fromAsync(glob('services/*/config.ts', { cwd: root }))).sort()) {
    const service = config.split('/')[1] ?? ''
    for (const [name, schema] of Object.entries((await exportsOf(config)).settings ?? {})) {
      const known = settings.get(name) ?? { schema, services: [], own: new Map<string, string>() }
      known.services.push(service)
      const fallback = defaultOf(schema)
      if (fallback !== null && fallback !== defaultOf(known.schema)) known.own.set(service, fallback)
      settings.set(name, known)
    }
  }
  return settings
}

/** What rooms of services read: the names of settings in `services/<service>/<room>/settings.ts`, by `<service>/<room>`. */
export async function readSettingsOfRooms(): Promise<Map<string, string[]>> {
  const rooms = new Map<string, string[]>()
  for (const file of (await Array.fromAsync(glob('services/*/*/settings.ts', { cwd: root }))).sort()) {
    const shapes = Object.entries(await exportsOf(file)).filter(([name]) => name.endsWith('Settings'))
    rooms.set(
      file.split('/').slice(1, 3).join('/'),
      shapes.flatMap(([, shape]) => Object.keys(shape ?? {})),
    )
  }
  return rooms
}

async function exportsOf(file: string): Promise<Record<string, Record<string, z.ZodType> | undefined>> {
  return import(pathToFileURL(join(root, file)).href)
}

/** The default of a setting as one would write it in the environment; null when it must be set, '' when it may be unset. */
export function defaultOf(schema: z.ZodType): string | null {
  const {
    type,
    defaultValue,
    in: input,
    innerType,
  } = schema.def as unknown as {
    type: string
    defaultValue?: unknown
    in?: z.ZodType
    innerType?: z.ZodType
  }
  if (type === 'default' || type === 'prefault') return String(defaultValue)
  if (type === 'optional') return ''
  const inner = input ?? innerType
  return inner ? defaultOf(inner) : null
}

/** Whether nobody but the service may know it: a secret, or an address with a password in it. */
export function isConfidential(schema: z.ZodType): boolean {
  const { secret, confidential } = schema.meta() ?? {}
  if (secret === true || confidential === true) return true
  return 'unwrap' in schema && isConfidential((schema as z.ZodOptional).unwrap() as z.ZodType)
}
