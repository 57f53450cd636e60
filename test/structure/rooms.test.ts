import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ESLint } from 'eslint'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
// Parsed without types, so that made-up files can be linted; nothing else of the real configuration changes.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { project: null } } },
  ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-imports',
})

/** What lint says of a file in that place with that text. */
async function lint(filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: join(root, filePath) })
  return (result?.messages ?? []).map(({ message }) => message)
}

function listRooms(service: string): string[] {
  return readdirSync(join(root, 'services', service), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'migrations')
    .map(({ name }) => name)
}

describe('rooms', () => {
  it('refuses an import of a room that is closed to this one, and says what to do', async () => {
    const [message, ...more] = await lint('services/notifier/message/made-up.ts', `import '../delivery/record.ts'`)
    expect(message).toContain(
      'notifier/message may import no other room: pass the thing in, or move it to a room that may',
    )
    expect(more).toEqual([])
  })

  it('takes an import of a room that is open to it, of its own, of runtime and of schemas', async () => {
    const text = `
      import '../message/compose.ts'
      import './channel.ts'
      import '#runtime/process/log.ts'
      import '#schemas/topics.ts'`
    expect(await lint('services/notifier/channels/made-up.ts', text)).toEqual([])
  })

  it('refuses another service, from a room and from the root', async () => {
    const refusal = expect.stringContaining('A service never imports another service')
    expect(await lint('services/edge/http/made-up.ts', `import '../../notifier/config.ts'`)).toEqual([refusal])
    expect(await lint('services/edge/made-up.ts', `import '../notifier/config.ts'`)).toEqual([refusal])
    expect(await lint('services/runtime/text/made-up.ts', `import '../../notifier/config.ts'`)).toEqual([refusal])
  })

  // A room that is missing in the table is open to all others, and all others to it.
  it.each(readdirSync(join(root, 'services')))('lets no two rooms of %s import each other', async (service) => {
    const rooms = listRooms(service)
    const isOpen = async (from: string, to: string) =>
      (await lint(`services/${service}/${from}/made-up.ts`, `import '../${to}/made-up.ts'`)).length === 0
    const mutual: string[] = []
    for (const [n, one] of rooms.entries())
      for (const other of rooms.slice(n + 1))
        if ((await isOpen(one, other)) && (await isOpen(other, one))) mutual.push(`${one} and ${other}`)
    expect(mutual).toEqual([])
  })
})
