import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turnstile } from './turnstile.ts'

function startWork(turnstile: Turnstile, running: Set<string>) {
  const ends = new Map<string, (error?: Error) => void>()
  return {
    begin(name: string, alone: boolean) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      ends.set(name, (error) => (running.delete(name), error ? reject(error) : resolve()))
      return turnstile.pass(alone, () => (running.add(name), promise))
    },
    async end(name: string, error?: Error) {
      ends.get(name)?.(error)
      await setImmediate()
    },
  }
}

test('lets work in side by side, one piece alone, and nothing past who waits', async () => {
  const running = new Set<string>()
  const { begin, end } = startWork(new Turnstile(), running)
  const works = [begin('a', false), begin('b', false), begin('alone', true), begin('c', false), begin('d', false)]
  await setImmediate()
  expect([...running]).toEqual(['a', 'b'])
  await end('a')
  expect([...running]).toEqual(['b'])
  await end('b')
  expect([...running]).toEqual(['alone'])
  await end('alone')
  expect([...running]).toEqual(['c', 'd'])
  await end('c')
  await end('d')
  await Promise.all(works)
})

test('what fails lets the next in', async () => {
  const running = new Set<string>()
  const { begin, end } = startWork(new Turnstile(), running)
  const first = begin('first', true)
  const second = begin('second', true)
  await setImmediate()
  const failed = expect(first).rejects.toThrow('it')
  await end('first', new Error('it'))
  await failed
  expect([...running]).toEqual(['second'])
  await end('second')
  await second
})
