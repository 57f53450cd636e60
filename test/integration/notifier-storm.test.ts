import { test } from 'vitest'
import { weather } from '../harness/notifier/storm.ts'

test('300 news items reach their recipients, through faults and kills', { timeout: 600_000 }, async () => {
  await weather({ seed: 1, companies: 30, newsOfEach: 10, people: 10, overMs: 5000, disasters: 2 })
})
