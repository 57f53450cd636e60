import { expect, test } from 'vitest'
import { allTopics } from '#schemas/topics.ts'
import { sharedViews } from '#schemas/views.ts'
import { fillIn, renderCommands, renderTopics, renderViews } from './render.ts'

test('every topic and every shared view has a row', () => {
  for (const { name } of allTopics) expect(renderTopics()).toContain(`| \`${name}\` |`)
  for (const { name } of sharedViews) expect(renderViews()).toContain(`| \`${name}\` |`)
})

test('every command has its usage and its options', () => {
  const details = [{ flags: '--to <place>', help: 'where | when', isRequired: true }]
  const verbs = [{ words: 'send out', help: 'send it', usage: 'send out <what>', options: ['--to'], details }]
  const page = renderCommands([{ words: 'send', help: 'sending: out', service: 'edge', verbs }])
  expect(page).toContain('- [send](#send): sending: out')
  expect(page).toContain('`npx parma send out <what>`: send it.')
  expect(page).toContain('| `--to <place>` | where \\| when (required) |')
})

test('a generated part replaces what stands between its comments', () => {
  const page = 'before\n<!-- topics -->\nold\n<!-- /topics -->\nafter\n'
  const filled = fillIn(page, 'topics', 'new')
  expect(filled).toBe('before\n<!-- topics -->\n\nnew\n\n<!-- /topics -->\nafter\n')
  expect(fillIn(filled, 'topics', 'new')).toBe(filled)
  expect(() => fillIn('nothing here', 'topics', 'new')).toThrow('no place for topics')
})
