import { expect, test } from 'vitest'
import { createLog, type LogFormat } from './log.ts'

function linesOf(format: LogFormat): Record<string, unknown>[] {
  const lines: string[] = []
  const log = createLog('edge', 'trace', format, { write: (line: string) => void lines.push(line) })
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)
    log[level]({ token: 'secret', error: new Error('gone') }, 'broker_away')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line has its level and event', () => {
  const lines = linesOf('json')
  expect(lines.map(({ level }) => level)).toEqual(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
  expect(lines[2]).toMatchObject({
    service: 'edge',
    msg: 'broker_away',
    token: '[redacted]',
    error: { message: 'gone' },
  })
})

test('for Google Cloud it has the severity and message that are known there, and all else', () => {
  const lines = linesOf('gcp')
  expect(lines.map(({ severity }) => severity)).toEqual(['DEBUG', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'])
  expect(lines[2]).toMatchObject({
    service: 'edge',
    message: 'broker_away',
    token: '[redacted]',
    error: { message: 'gone' },
  })
  expect(lines[2]).not.toHaveProperty('level')
  expect(lines[2]).not.toHaveProperty('msg')
})
