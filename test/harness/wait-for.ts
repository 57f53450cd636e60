import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'

type Found<T> = Exclude<T, false | null | undefined | 0 | ''>

/**
 * Calls `check` every `everyMs` until it returns something truthy, and returns that. An error counts as "not yet", so
 * `check` may use `expect`. After `deadlineMs` it throws, with what it waited for and what it saw last.
 */
export async function waitFor<T>(
  what: string,
  check: () => T | Promise<T>,
  deadlineMs = 60_000,
  everyMs = 50,
): Promise<Found<T>> {
  const ended = new AbortController()
  const late = delay(deadlineMs, 'late', { signal: ended.signal }).catch(() => 'late')
  let seen = 'no answer yet'
  try {
    for (;;) {
      const answer = await Promise.race([ask(check), late])
      if (typeof answer === 'string') break
      if (answer.found) return answer.value as Found<T>
      seen = answer.seen
      if ((await Promise.race([delay(everyMs), late])) === 'late') break
    }
  } finally {
    ended.abort()
  }
  throw new Error(`waited ${deadlineMs / 1000} s for ${what}, last seen: ${seen}`)
}

type Answer<T> = { found: boolean; value?: T; seen: string }

async function ask<T>(check: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    const value = await check()
    return { found: Boolean(value), value, seen: inspect(value, { depth: 4, maxStringLength: 1000 }) }
  } catch (error) {
    return { found: false, seen: error instanceof Error ? error.message : String(error) }
  }
}
