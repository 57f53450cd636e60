import avro from 'avsc'
import { expect, test } from 'vitest'
import { createWriter, frameBytes } from './write-value.ts'

const upTo = (length: number) => Array.from({ length: length + 1 }, (_, index) => index)
/** Around what one and two bytes can count, and where a text is no longer written in one call. */
const lengths = [...upTo(130), ...[2729, 2730, 2731, 4095, 4096, 8191, 8192, 40_000]]

test.each(['a', 'é', '€', '😀'])('texts of %s are written as avsc writes them, at each length', (character) => {
  const type = avro.Type.forSchema({ type: 'array', items: 'string' })
  const write = createWriter()
  for (const length of lengths) {
    const texts = ['before', character.repeat(length), `${'a'.repeat(length)}${character}`, 'behind']
    expect(write(type, 7, texts).subarray(frameBytes).equals(type.toBuffer(texts)), `${length} times`).toBe(true)
  }
})

test('a text at the end of the buffer is whole', () => {
  const type = avro.Type.forSchema({ type: 'array', items: 'string' })
  for (const room of upTo(200)) {
    const texts = ['x'.repeat(64 * 1024 - 220 + room), 'é'.repeat(60), 'end']
    expect(createWriter()(type, 7, texts).subarray(frameBytes).equals(type.toBuffer(texts)), `${room} bytes`).toBe(true)
  }
})

test('half of a surrogate pair is the same wherever it stands', () => {
  const type = avro.Type.forSchema({ type: 'array', items: 'string' })
  for (const room of upTo(200)) {
    const texts = ['x'.repeat(64 * 1024 - 220 + room), '\ud800'.repeat(20), 'a\udc00']
    const wellFormed = type.toBuffer(texts.map((text) => text.toWellFormed()))
    expect(createWriter()(type, 7, texts).subarray(frameBytes).equals(wellFormed), `${room} bytes`).toBe(true)
  }
})
