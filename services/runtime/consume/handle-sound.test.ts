import { expect, test } from 'vitest'
import { handleSound } from './handle-sound.ts'
import { type Delivery, dead, drop, ok } from './outcome.ts'

const deliver = (value: string): Delivery<string> => ({
  ...{ topic: 't', partition: 0, offset: '0', key: 'k', headers: {}, timestamp: 0, value },
})
const findFault = (value: string) => (value.startsWith('bad') ? `${value} is bad` : null)

test('each record has its own outcome, whatever its neighbours are', async () => {
  const handle = handleSound<string>(findFault, async (batch) =>
    batch.map(({ value }) => (value === 'other' ? drop('not ours') : ok())),
  )
  expect(await handle(['bad 1', 'one', 'bad 2', 'other', 'two'].map(deliver))).toEqual([
    dead('invalid', 'bad 1 is bad'),
    ok(),
    dead('invalid', 'bad 2 is bad'),
    drop('not ours'),
    ok(),
  ])
})

test('nothing is handled when nothing is sound', async () => {
  const handle = handleSound<string>(findFault, () => Promise.reject(new Error('nothing to handle')))
  expect(await handle([deliver('bad')])).toEqual([dead('invalid', 'bad is bad')])
})
