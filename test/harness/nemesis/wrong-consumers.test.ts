import { expect, test } from 'vitest'
import { lastWordIn } from './wrong-consumers.ts'

test.each([
  ['nothing', '', undefined],
  ['its last word', 'started\nbegan\neffect\n', 'effect'],
  ['its last word, not a warning of Node after it', 'done\nstarted\n(node:7) TimeoutNegativeWarning: -1\n', 'started'],
])('a log has %s', (_, log, word) => expect(lastWordIn(log)).toBe(word))
