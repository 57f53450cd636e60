import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cronProblem } from './cron.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const fields = [
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['day of month', 1, 31],
  ['month', 1, 12],
  ['day of week', 0, 7],
] as const

const problem = (index: number, field: string) =>
  cronProblem(fields.map((_, other) => (other === index ? field : '*')).join(' '), 'UTC')

test('a number outside of its field is named with the field and its range, however it is written', () => {
  const cases = fc.record({ index: fc.nat(4), number: fc.nat(500), form: fc.constantFrom('N', 'L,N', 'L-N', 'L-N/2') })
  fc.assert(
    fc.property(cases, ({ index, number, form }) => {
      const [name, least, most] = fields[index]!
      fc.pre(number < least || number > most)
      const said = problem(index, form.replace('L', String(least)).replace('N', String(number)))
      expect(said).toBe(`${name} ${number} is not ${least}–${most}`)
    }),
  )
})

test('a number within its field is not refused', () => {
  for (const [index, [, least, most]] of fields.entries())
    for (let number: number = least; number <= most; number++) expect(problem(index, String(number))).toBeNull()
})

test.each([
  ['60 8 32 * *', 'minute 60 is not 0–59'],
  ['0 8 32 * *', 'day of month 32 is not 1–31'],
  ['0 8 40W * *', 'day of month 40 is not 1–31'],
  ['0 8 * * 9#2', 'day of week 9 is not 0–7'],
  ['*/0 * * * *', 'the step 0 of minute is not 1–60'],
  ['0 */25 * * *', 'the step 25 of hour is not 1–24'],
  ['0 8 * * 5#6', 'day of week "5#6": week 6 of a month is not 1–5'],
  ['0 8 * foo *', 'month "foo" cannot be read: give *, 1–12 or JAN–DEC, ranges such as 2-6, steps such as */2'],
  ['0 8 * * MON,xyz', 'day of week "MON,xyz" cannot be read'],
  ['5-1 * * * *', 'minute "5-1" cannot be read'],
  ['5/10 * * * *', 'minute "5/10" cannot be read'],
  ['1,, * * * *', 'minute "1,," cannot be read'],
  ['1.5 * * * *', 'minute "1.5" cannot be read'],
  ['-1 * * * *', 'minute "-1" cannot be read'],
  ['0 8 * *', 'it has 4 fields, not 5'],
  ['0 8 * * * *', 'it has 6 fields, not 5'],
  ['@daily', 'it has 1 field, not 5'],
  ['', 'not 5'],
  ['0 8 30 2 *', 'it never matches a date'],
])('%j: %s', (pattern, said) => {
  expect(cronProblem(pattern, 'UTC')).toContain(said)
})
