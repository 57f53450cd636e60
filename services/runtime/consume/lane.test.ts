import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lookMs } from '../offsets/loss-watch.ts'
import { Lane } from './lane.ts'

const minuteMs = 60_000
const name = 'partition 0 of topic'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A member that fetches and a broker that answers, for as long as they do. */
function createMember() {
  const lane = new Lane()
  lane.join()
  const member = { lane, fetches: true, answers: true, offset: 0, high: 0 }
  setInterval(() => member.fetches && lane.tick(), 1000)
  setInterval(() => member.answers && lane.look([{ name, ...member }]), lookMs)
  return member
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const isLost = ({ lane }: { lane: Lane }) => {
  try {
    lane.checkAlive()
    return false
  } catch (error) {
    expect((error as Error).message).toMatch(/^lost: /)
    return true
  }
}

test('a member that fetches is alive, with and without records', async () => {
  const member = createMember()
  await pass(10 * minuteMs)
  expect(isLost(member)).toBe(false)
  for (let n = 0; n < 100; n++) {
    member.offset = member.high
    member.high += 3
    await pass(lookMs)
  }
  expect(isLost(member)).toBe(false)
})

test('a member that has stopped fetching is lost after two minutes', async () => {
  const member = createMember()
  await pass(minuteMs)
  member.fetches = false
  await pass(1.9 * minuteMs)
  expect(isLost(member)).toBe(false)
  await pass(0.4 * minuteMs)
  expect(isLost(member)).toBe(true)
})

test('so is one that never gets to its partitions', async () => {
  const lane = new Lane()
  setInterval(() => lane.tick(), 1000)
  setInterval(() => lane.look([]), lookMs)
  await pass(2.5 * minuteMs)
  expect(isLost({ lane })).toBe(true)
})

test('and one that leaves a partition out while records come', async () => {
  const member = createMember()
  member.high = 5
  await pass(10 * minuteMs)
  // They may be no records at all: the marks of transactions, or what compaction has left.
  expect(isLost(member)).toBe(false)
  member.high = 6
  await pass(2.5 * minuteMs)
  expect(isLost(member)).toBe(true)
  member.offset = 6
  await pass(2 * lookMs)
  expect(isLost(member)).toBe(false)
})

test('while no broker answers nobody is lost, nor for two minutes after', async () => {
  const member = createMember()
  member.fetches = member.answers = false
  await pass(30 * minuteMs)
  expect(isLost(member)).toBe(false)
  member.answers = true
  await pass(1.9 * minuteMs)
  expect(isLost(member)).toBe(false)
  member.fetches = true
  await pass(10 * minuteMs)
  expect(isLost(member)).toBe(false)
})

test('a client that keeps crashing and starts again is not lost', async () => {
  const member = createMember()
  member.fetches = false
  for (let n = 0; n < 20; n++) {
    member.lane.leave()
    member.lane.tryAgain()
    await pass(minuteMs)
    expect(isLost(member)).toBe(false)
  }
})

test('what waits for a server that is away holds up its partitions, and is alive', async () => {
  const member = createMember()
  const { promise, resolve } = Promise.withResolvers<void>()
  member.fetches = false
  const work = member.lane.work(() => promise)
  for (let n = 0; n < 20; n++) {
    member.high++
    await pass(minuteMs)
    expect(isLost(member)).toBe(false)
  }
  resolve()
  await work
  await pass(minuteMs)
  expect(isLost(member)).toBe(false)
})

test('a partition that is paused for its dead letters does not end the process', async () => {
  const member = createMember()
  member.lane.pause(name)
  for (let n = 0; n < 20; n++) {
    member.high++
    await pass(minuteMs)
  }
  expect(isLost(member)).toBe(false)
  expect(() => member.lane.check()).toThrow('paused after too many dead letters')
})

test.each([-5, 5])('a clock that is set by %i minutes changes nothing', async (minutes) => {
  const member = createMember()
  await pass(minuteMs)
  vi.setSystemTime(Date.now() + minutes * minuteMs)
  await pass(lookMs)
  expect(isLost(member)).toBe(false)
  expect(() => member.lane.check()).not.toThrow()
})
