import { expect, test } from 'vitest'
import { addForecast } from './add-forecast.ts'

const row = { message: 'apple: stars rose from 14,000 to 20,000.', facts: { current: '20,000' } }

test('a news item says what was expected, in a sentence and in facts as written there and bare', () => {
  expect(addForecast(row, { value: 14_400, low: 14_200, high: 14_600 })).toEqual({
    message: 'apple: stars rose from 14,000 to 20,000. Expected were 14,200 to 14,600.',
    facts: {
      ...{ current: '20,000', forecast: '14,400', forecast_low: '14,200', forecast_high: '14,600' },
      ...{ forecast_value: '14400', forecast_low_value: '14200', forecast_high_value: '14600' },
    },
  })
})

test('a band without width is one number', () => {
  expect(addForecast(row, { value: 7, low: 7, high: 7 }).message).toMatch(/ Expected was 7\.$/)
})

test('two ends that look alike are written so that they differ', () => {
  expect(addForecast(row, { value: 1.0001, low: 1.0001, high: 1.0002 }).facts).toMatchObject({
    ...{ forecast_low: '1.0001', forecast_high: '1.0002' },
  })
})
