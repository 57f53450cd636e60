import { describe, expect, test } from 'vitest'
import { isStorableTime, isUuid } from './field-checks.ts'

describe('isUuid', () => {
  test.each([
    ['8517922a-a7f2-537f-895f-9e49f6bed872', true],
    ['8517922A-A7F2-537F-895F-9E49F6BED872', false],
    ['8517922aa7f2537f895f9e49f6bed872', false],
    [' 8517922a-a7f2-537f-895f-9e49f6bed872', false],
    ['8517922a-a7f2-537f-895f-9e49f6bed872\n', false],
    ['', false],
  ])('%j: %j', (text, is) => expect(isUuid(text)).toBe(is))
})

describe('isStorableTime', () => {
  test.each([
    [0, true],
    [Date.parse('0001-01-01T00:00:00Z'), true],
    [Date.parse('0001-01-01T00:00:00Z') - 1, false],
    [Date.parse('9999-12-31T23:59:59.999Z'), true],
    [Date.parse('9999-12-31T23:59:59.999Z') + 1, false],
    [NaN, false],
  ])('%j: %j', (ms, is) => expect(isStorableTime(ms)).toBe(is))
})
