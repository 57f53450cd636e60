import { expect, test } from 'vitest'
import { waitFor } from './wait-for.ts'

test('returns the first truthy answer', async () => {
  const answers = [undefined, null, false, 0, '', 'found']
  expect(await waitFor('an answer', () => answers.shift())).toBe('found')
})

test('takes an error for "not yet"', async () => {
  let calls = 0
  const check = async () => {
    expect(++calls).toBe(3)
    return calls
  }
  expect(await waitFor('the third call', check)).toBe(3)
})

test('names what it waited for and what it saw last', async () => {
  await expect(waitFor('two mails', () => null, 120)).rejects.toThrow('waited 0.12 s for two mails, last seen: null')
  const failing = () => expect(['one']).toHaveLength(2)
  await expect(waitFor('two mails', failing, 120)).rejects.toThrow(
    /last seen: expected \[ 'one' \] to have a length of 2/,
  )
})

test('does not wait longer for a check that never answers', async () => {
  const startedAt = Date.now()
  await expect(waitFor('silence', () => new Promise(() => undefined), 150)).rejects.toThrow('last seen: no answer yet')
  expect(Date.now() - startedAt).toBeLessThan(3000)
})

test('accepts a text as an answer', async () => {
  expect(await waitFor('a word', async () => 'late')).toBe('late')
})
