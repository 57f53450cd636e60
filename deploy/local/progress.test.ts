import { expect, test } from 'vitest'
import { createProgress } from './progress.ts'

function print(isTTY: boolean): string {
  let [written, now] = ['', 5000]
  const output = { isTTY, write: (text: string) => Boolean((written += text)) }
  const { say, showProgress } = createProgress(output, () => (now += 1000) - 1000)
  say('started')
  showProgress('1 of 2')
  showProgress('2 of 2')
  say('done')
  say('left running')
  return written
}

test('a line of progress makes way for the next line in a terminal', () => {
  const clear = '\r\u001b[K'
  expect(print(true)).toBe(
    `   1 s  started\n   2 s  1 of 2${clear}   3 s  2 of 2${clear}   4 s  done\n   5 s  left running\n`,
  )
})

test('a line of progress stays where no terminal is', () => {
  expect(print(false)).toBe('   1 s  started\n   2 s  1 of 2\n   3 s  2 of 2\n   4 s  done\n   5 s  left running\n')
})
