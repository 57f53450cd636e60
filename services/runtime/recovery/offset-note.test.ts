import { expect, test } from 'vitest'
import { compactNote, isKiller, moveOn, type Note, parseNote, takeOver, unknownNote } from './offset-note.ts'

const batch = 500
const nothing = unknownNote
const reread = (note: Note) => parseNote(JSON.parse(JSON.stringify(compactNote(note))))
let processes = 0
const start = (note: Note) => takeOver(reread(note), { by: `p${processes++}`, batch, hasRecords: true })
const alone = (note: Note): Note => ({ ...note, state: 'alone' })
const stopped = (note: Note): Note => ({ ...note, state: 'stopped' })

test('two deaths at one offset make it suspect, three more alone make it a killer', () => {
  const first = start(nothing)
  expect(first).toMatchObject({ deaths: 0, suspects: 0 })
  const second = start(first)
  expect(second).toMatchObject({ deaths: 1, suspects: 0 })
  const third = start(second)
  expect(third).toMatchObject({ deaths: 2, suspects: batch })
  const sixth = start(alone(start(alone(start(alone(third))))))
  expect(isKiller(sixth)).toBe(true)
  expect(isKiller(start(alone(start(alone(third)))))).toBe(false)
})

test('deaths with others in work count for no record', () => {
  let note = start(nothing)
  for (let death = 0; death < 20; death++) note = start(note)
  expect(note).toMatchObject({ deaths: 20, aloneDeaths: 0, suspects: batch })
  expect(isKiller(note)).toBe(false)
})

test('an orderly stop counts for nothing, nor does a partition that comes back to the same process', () => {
  const suspect = start(start(start(nothing)))
  expect(start(stopped(suspect))).toMatchObject({ deaths: 2, aloneDeaths: 0 })
  const { by } = suspect
  expect(takeOver(alone(suspect), { by, batch, hasRecords: true })).toMatchObject({ deaths: 2, aloneDeaths: 0 })
})

test('deaths at the end of a partition count for nothing', () => {
  expect(takeOver(start(nothing), { by: 'other', batch, hasRecords: false })).toMatchObject({ deaths: 0 })
})

test('what is through is forgotten, except how many are still taken one at a time and the dead letters in a row', () => {
  const through = moveOn(alone(start(start(start(nothing)))), 1, 7)
  expect(through).toMatchObject({ deaths: 0, aloneDeaths: 0, state: 'working', suspects: batch - 1, deadInARow: 7 })
  expect(start(through)).toMatchObject({ deaths: 1, suspects: batch - 1, deadInARow: 7 })
  expect(moveOn(through, batch, 0)).toMatchObject({ suspects: 0, deadInARow: 0 })
})

test.each([null, '', [], 'text', { deaths: -1 }, { state: '?' }])('%j is no note', (found) => {
  expect(parseNote(found)).toEqual(nothing)
})

test('a note is read as it was written', () => {
  const note: Note = { ...alone(start(nothing)), deadInARow: 3, incident: 'partition-stuck' }
  expect(reread(note)).toEqual(note)
})
