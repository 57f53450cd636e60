import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CrawlErrors, fitErrors, summarize } from './summarize.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

describe('summarize', () => {
  // The texts are the output of Python's json.dumps for the same errors.
  test.each<[CrawlErrors | null, string]>([
    [null, ''],
    [{}, '{}'],
    [{ '1': { error_type: 'x', error_description: 'y' } }, '{"1": {"error_type": "x", "error_description": "y"}}'],
    [
      {
        a: { error_type: 'é\n\t"\\', error_description: null },
        b: { error_type: '🎉\0\x7f\u2028', error_description: '日 </script>' },
      },
      '{"a": {"error_type": "\\u00e9\\n\\t\\"\\\\", "error_description": null}, ' +
        '"b": {"error_type": "\\ud83c\\udf89\\u0000\\u007f\\u2028", "error_description": "\\u65e5 </script>"}}',
    ],
  ])('%j', (errors, text) => expect(summarize(errors)).toBe(text))

  const error = fc.record({
    error_type: fc.string({ unit: 'binary' }),
    error_description: fc.option(fc.string({ unit: 'binary' })),
  })
  const anyErrors = fc.dictionary(fc.string(), error, { noNullPrototype: true })
  test('is JSON of the errors, in ASCII', () => {
    fc.assert(
      fc.property(anyErrors, (errors) => {
        const text = summarize(errors)
        expect(JSON.parse(text)).toEqual(errors)
        expect(text).toMatch(/^[\x20-\x7e]*$/)
      }),
    )
  })
})

describe('fitErrors', () => {
  const errorsOf = (count: number, length: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, at) => [
        `c${at}`,
        { error_type: 'CrawlingError', error_description: 'd'.repeat(length) },
      ]),
    )

  test('does not change errors that fit', () => {
    expect(fitErrors(null)).toBeNull()
    const errors = errorsOf(100, 1000)
    expect(fitErrors(errors)).toEqual(errors)
  })

  test.each([
    ['long descriptions', errorsOf(10, 100_000), 10],
    ['many errors', errorsOf(3000, 500), 3000],
    ['very many errors', errorsOf(50_000, 10), null],
    ['long types', { a: { error_type: 'x'.repeat(500_000), error_description: null } }, 1],
    ['a long company id', { ['x'.repeat(500_000)]: { error_type: 'x', error_description: null } }, 0],
    [
      'one long company id before others',
      { ['x'.repeat(500_000)]: { error_type: 'x', error_description: null }, ...errorsOf(5, 10) },
      5,
    ],
    [
      'one long type before very many errors',
      { a: { error_type: 'x'.repeat(500_000), error_description: null }, ...errorsOf(50_000, 10) },
      null,
    ],
  ])('makes %s fit', (_, errors, count) => {
    const fitted = fitErrors(errors) as CrawlErrors
    expect(summarize(fitted).length).toBeLessThanOrEqual(400_000)
    expect(Object.keys(errors)).toEqual(expect.arrayContaining(Object.keys(fitted)))
    if (count === null) expect(Object.keys(fitted).length).toBeGreaterThan(1000)
    else expect(Object.keys(fitted)).toHaveLength(count)
  })
})
