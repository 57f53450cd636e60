import { Firestore, type WriteBatch } from '@google-cloud/firestore'
import { expect, test } from 'vitest'
import { addCreation } from './add-creation.ts'
import { payloadDocument } from './document.ts'

test('a batch creates the same document as by the public method of the client', () => {
  const firestore = new Firestore({ projectId: 'a-project', universeDomain: 'googleapis.com' })
  const raw_data = {
    ...{ text: 'a', none: null, yes: true, whole: 1, part: 0.5, zero: -0, long: 12345678901234567n.toString() },
    ...{ list: [1, [2], {}, []], nothing: {}, __name__: 'reserved', '': 'without a name', 'a.b/c`d': { deep: ['é'] } },
  }
  const { path, fields, parts } = payloadDocument({
    ...{ event_id: '6f9619ff-8b86-4011-b42d-00c04fc964ff', source_name: 'github', company_id: '1', data_source_id: 1 },
    ...{
      received_at: 1_700_000_000_123,
      observed_at: null,
      history: false,
      task_id: null,
      map_version: 1,
      replay: null,
    },
    ...{
      content_hash: 'a'.repeat(64),
      body: Buffer.from(JSON.stringify({ raw_data }).replace('"12345678901234567"', '12345678901234567')),
    },
  })
  const ref = firestore.doc(path)
  const [own, theirs] = [firestore.batch(), firestore.batch()]
  for (const one of [fields, ...parts]) {
    addCreation(own, ref, one)
    theirs.create(ref, one)
  }
  expect(writesOf(own)).toEqual(writesOf(theirs))
  expect(writesOf(own)).toHaveLength(2)
})

/** What the client sends of a batch. */
function writesOf(batch: WriteBatch) {
  return (batch as unknown as { _ops: { docPath: string; op(): object }[] })._ops.map(({ docPath, op }) => ({
    docPath,
    ...op(),
  }))
}
