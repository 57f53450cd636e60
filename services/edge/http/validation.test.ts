import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { HttpError } from './http-error.ts'
import { lenientInt, text, validate, validateBody } from './validation.ts'

const measurement = z.object({
  type: text(10),
  source_module_id: lenientInt,
  parent_measurement_id: lenientInt.nullable().default(null),
  errors: z
    .record(z.string(), z.object({ error_type: z.string() }))
    .nullable()
    .default(null),
})
const good = { type: 'int', source_module_id: 7 }

function refusalOf(work: () => unknown): HttpError {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(HttpError)
    return error as HttpError
  }
  throw new Error('was not refused')
}

const send = (body: string | Buffer, contentType: string | undefined = 'application/json') =>
  validateBody(measurement, Buffer.from(body), contentType, 10)

test('the length of a text is counted in characters, as Python does', () => {
  expect(send(JSON.stringify({ ...good, type: '😀'.repeat(10) })).type).toBe('😀'.repeat(10))
  expect(refusalOf(() => send(JSON.stringify({ ...good, type: '😀'.repeat(11) }))).detail).toEqual([
    {
      type: 'string_too_long',
      loc: ['body', 'type'],
      msg: 'String should have at most 10 characters',
      input: '😀'.repeat(11),
      ctx: { max_length: 10 },
    },
  ])
})

test('the members of a mistake have the order of pydantic', () => {
  const { detail } = refusalOf(() => send('{"type":"12345678901","source_module_id":1.5}'))
  expect(JSON.stringify(detail)).toBe(
    '[{"type":"string_too_long","loc":["body","type"],"msg":"String should have at most 10 characters","input":"12345678901","ctx":{"max_length":10}},' +
      '{"type":"int_from_float","loc":["body","source_module_id"],"msg":"Input should be a valid integer, got a number with a fractional part","input":1.5}]',
  )
})

describe('what pydantic takes for an integer', () => {
  test.each([...[7, '7', ' 7 ', '+7', '007', '7.0', 7.0]])('%j is 7', (value) =>
    expect(send(JSON.stringify({ ...good, source_module_id: value })).source_module_id).toBe(7),
  )

  test.each([
    [true, 1],
    [false, 0],
    ['-5', -5],
    ['1_000', 1000],
    [2147483647, 2147483647],
    [-2147483648, -2147483648],
  ])('%j is %i', (value, number) => {
    expect(send(JSON.stringify({ ...good, source_module_id: value })).source_module_id).toBe(number)
  })

  test.each([
    ['"x"', 'int_parsing', 'Input should be a valid integer, unable to parse string as an integer'],
    ['""', 'int_parsing', 'Input should be a valid integer, unable to parse string as an integer'],
    ['"1.5"', 'int_parsing', 'Input should be a valid integer, unable to parse string as an integer'],
    ['"1__0"', 'int_parsing', 'Input should be a valid integer, unable to parse string as an integer'],
    ['1.5', 'int_from_float', 'Input should be a valid integer, got a number with a fractional part'],
    ['1e400', 'finite_number', 'Input should be a finite number'],
    ['null', 'int_type', 'Input should be a valid integer'],
    ['[]', 'int_type', 'Input should be a valid integer'],
    ['{}', 'int_type', 'Input should be a valid integer'],
    ['2147483648', 'less_than_equal', 'Input should be less than or equal to 2147483647'],
    ['"2147483648"', 'less_than_equal', 'Input should be less than or equal to 2147483647'],
    ['9007199254740993', 'less_than_equal', 'Input should be less than or equal to 2147483647'],
    ['-2147483649', 'greater_than_equal', 'Input should be greater than or equal to -2147483648'],
  ])('%s: %s', (value, type, msg) => {
    const { status, detail } = refusalOf(() => send(`{"type":"int","source_module_id":${value}}`))
    expect(status).toBe(422)
    expect(detail).toEqual([expect.objectContaining({ type, msg, loc: ['body', 'source_module_id'] })])
  })
})

describe('the 422 of a body', () => {
  test.each<[string, unknown]>([
    ['', [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    ['null', [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    [
      '{"type":',
      [
        {
          type: 'json_invalid',
          loc: ['body', 8],
          msg: 'JSON decode error',
          input: {},
          ctx: { error: 'Expecting value' },
        },
      ],
    ],
    ...['[]', '5', '"text"', 'true'].map((body): [string, unknown] => [
      body,
      [
        {
          type: 'model_attributes_type',
          loc: ['body'],
          msg: 'Input should be a valid dictionary or object to extract fields from',
          input: JSON.parse(body) as unknown,
        },
      ],
    ]),
    [
      '{"source_module_id":7}',
      [{ type: 'missing', loc: ['body', 'type'], msg: 'Field required', input: { source_module_id: 7 } }],
    ],
    [
      '{}',
      [
        { type: 'missing', loc: ['body', 'type'], msg: 'Field required', input: {} },
        { type: 'missing', loc: ['body', 'source_module_id'], msg: 'Field required', input: {} },
      ],
    ],
    [
      '{"type":1,"source_module_id":7}',
      [{ type: 'string_type', loc: ['body', 'type'], msg: 'Input should be a valid string', input: 1 }],
    ],
    [
      '{"type":null,"source_module_id":7}',
      [{ type: 'string_type', loc: ['body', 'type'], msg: 'Input should be a valid string', input: null }],
    ],
    [
      '{"type":"12345678901","source_module_id":7}',
      [
        {
          type: 'string_too_long',
          loc: ['body', 'type'],
          msg: 'String should have at most 10 characters',
          input: '12345678901',
          ctx: { max_length: 10 },
        },
      ],
    ],
    [
      '{"type":"a\\u0000","source_module_id":7}',
      [
        {
          type: 'value_error',
          loc: ['body', 'type'],
          msg: 'Value error, must not contain U+0000',
          input: 'a\0',
          ctx: { error: {} },
        },
      ],
    ],
    [
      '{"type":"int","source_module_id":7,"errors":[]}',
      [{ type: 'dict_type', loc: ['body', 'errors'], msg: 'Input should be a valid dictionary', input: [] }],
    ],
    [
      '{"type":"int","source_module_id":7,"errors":{"1":5,"2":{}}}',
      [
        {
          type: 'model_attributes_type',
          loc: ['body', 'errors', '1'],
          msg: 'Input should be a valid dictionary or object to extract fields from',
          input: 5,
        },
        { type: 'missing', loc: ['body', 'errors', '2', 'error_type'], msg: 'Field required', input: {} },
      ],
    ],
  ])('%s', (body, detail) => expect(refusalOf(() => send(body))).toMatchObject({ status: 422, detail }))

  test('does not repeat a long input', () => {
    const { detail } = refusalOf(() => send(JSON.stringify({ type: 'x'.repeat(5000), other: 1 })))
    expect((detail as { input: unknown }[]).map(({ input }) => input)).toEqual([null, null])
  })

  test('of a body that is not UTF-8 is a 400, as in the predecessor, and says where', () => {
    expect(refusalOf(() => send(Buffer.from('{"type":"caf\xe9"}', 'latin1')))).toMatchObject({
      status: 400,
      detail: 'The body is not UTF-8: byte 0xe9 at offset 12.',
    })
    expect(refusalOf(() => send(gzipSync('{"type":"x"}')))).toMatchObject({
      status: 400,
      detail: 'The body is gzip in place of JSON: its content-encoding is missing, or it was packed twice.',
    })
  })
})

test('a body of too many JSON values is a 413 that names the limit and the number', () => {
  const list = (count: number) =>
    Buffer.from(
      `[${Array(count - 1)
        .fill('{}')
        .join()}]`,
    )
  expect(refusalOf(() => send(list(10_000)))).toMatchObject({ status: 422 })
  expect(refusalOf(() => send(list(10_001)))).toMatchObject({
    status: 413,
    detail: 'The body holds 10001 JSON values, and at most 10000 are read.',
  })
  expect(refusalOf(() => send(Buffer.from(`[${'{},'.repeat(20_000)}no JSON`)))).toMatchObject({ status: 413 })
  expect(() => validateBody(measurement, list(6), undefined, 10, 5)).toThrow('at most 5 are read')
})

describe('content types', () => {
  const body = JSON.stringify(good)
  test.each([undefined, 'application/json', 'Application/JSON; charset=utf-8', 'application/vnd.api+json'])(
    '%s is JSON',
    (type) => {
      expect(validateBody(measurement, Buffer.from(body), type, 10)).toMatchObject(good)
    },
  )
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonp',
    'text/json',
    '',
  ])('%j is not', (type) =>
    expect(refusalOf(() => send(body, type)).detail).toMatchObject([
      { type: 'model_attributes_type', loc: ['body'], input: body },
    ]),
  )
})

test('unknown members are ignored, also hostile ones', () => {
  expect(send('{"type":"int","source_module_id":7,"__proto__":{"type":1},"constructor":2,"more":3}')).toEqual({
    ...good,
    parent_measurement_id: null,
    errors: null,
  })
})

test('a missing member of the query has no input', () => {
  const query = z.object({ data_source_id: lenientInt })
  expect(refusalOf(() => validate(query, {}, 'query')).detail).toEqual([
    { type: 'missing', loc: ['query', 'data_source_id'], msg: 'Field required', input: null },
  ])
  expect(refusalOf(() => validate(query, { data_source_id: 'x' }, 'query')).detail).toMatchObject([
    { type: 'int_parsing', loc: ['query', 'data_source_id'], input: 'x' },
  ])
})
