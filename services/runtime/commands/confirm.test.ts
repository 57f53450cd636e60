import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { confirm } from './confirm.ts'

const what = 'This removes company 7 (Acme).'

/** A terminal at which somebody types `typed`, or closes it. */
function terminal(typed: string | null, isTTY = true) {
  const [input, output] = [Object.assign(new PassThrough(), { isTTY }), new PassThrough()]
  let shown = ''
  output.on('data', (text) => (shown += String(text)))
  if (typed === null) input.end()
  else input.write(`${typed}\n`)
  return { input, output, shown: () => shown }
}

describe('confirm', () => {
  test('does not ask with --yes', async () => {
    const one = terminal('n')
    await confirm(true, what, one)
    expect(one.shown()).toBe('')
  })

  test.each(['y', 'Y', 'yes', ' yes '])('at a terminal %j agrees', async (answer) => {
    const one = terminal(answer)
    await confirm(undefined, what, one)
    expect(one.shown()).toContain('This removes company 7 (Acme). Go on? [y/N] ')
  })

  test.each(['', 'n', 'no', 'yep', null])('at a terminal %j does not agree', async (answer) => {
    await expect(confirm(false, what, terminal(answer))).rejects.toMatchObject({
      message: 'Nothing was changed.',
      exitCode: 1,
    })
  })

  test('without a terminal it is a wrong command line that says what would go', async () => {
    await expect(confirm(undefined, what, terminal('y', false))).rejects.toMatchObject({
      message: 'This removes company 7 (Acme). Confirm with --yes.',
      exitCode: 2,
    })
  })

  test('shows foreign text without its control characters', async () => {
    const one = terminal('y')
    await confirm(undefined, 'This removes \u001b[2J\u202e.', one)
    expect(one.shown()).toContain('This removes \\u001b[2J\\u202e.')
  })
})
