import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findSecret, secretVariable } from './secrets.ts'

describe('findSecret', () => {
  test('a file before a variable, and neither of any other name', () => {
    const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    writeFileSync(join(dir, 'bot-a'), 'from the file\n')
    const secretVariables = {
      SECRET_BOT_A: 'from the variable',
      SECRET_BOT_B: 'other variable',
      PARMA_SHARED_SECRET_KEY: 'ours',
    }
    const find = (name: string) => findSecret({ SECRETS_DIR: dir, secretVariables }, name)
    expect(find('bot-a')).toBe('from the file')
    expect(find('bot-b')).toBe('other variable')
    expect(['bot-c', 'PARMA_SHARED_SECRET_KEY', '../bot-a', '', '.', 'a/b', 'x'.repeat(300)].map(find)).toEqual(
      Array(7).fill(null),
    )
    expect(findSecret({ secretVariables }, 'bot-a')).toBe('from the variable')
  })

  test('names of parma-web become variables', () => {
    expect(secretVariable('parma-analytics-notification-channel-key-1f0c')).toBe(
      'SECRET_PARMA_ANALYTICS_NOTIFICATION_CHANNEL_KEY_1F0C',
    )
  })
})
