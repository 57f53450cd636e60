import { each, goodBody, type Place, type Row, row } from './request.ts'

const lone = '\\ud800'
const long = 'x'.repeat(200)
const deep = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels)

type Case = [name: string, status: number, body: string | Buffer, detail?: string]

/** Bodies with each of these JSON texts as the value of a member. The last member of a name counts. */
const member = (name: string, status: number, values: string[], detail?: string): Case[] =>
  values.map((value) => [`${name} ${value}`, status, `${goodBody.slice(0, -1)},"${name}":${value}}`, detail])

const members: Case[] = [
  ...member('source_name', 422, each`null 1 1.5 true [] {} ["github"]`, 'string_type'),
  ...member('source_name', 422, ['"github\\u0000"', `"${long}x"`]),
  ...member(
    'source_name',
    403,
    [
      ...each`"" "GITHUB" "github/" "github/../reddit" "../../x" ".." "/" "\\" "github%00" "github%2f" "github\n" "github\u200b" "ｇithub"`,
      ...each`"github\ud800" "__proto__" "constructor" "toString" "<script>"`,
      ...['"github "', '" github"', '"${7*7}"', '"\'; DROP TABLE data_source; --"', `"${long}"`],
    ],
    'does not belong to data source',
  ),
  ...member('company_id', 422, each`null 1 -0 1e400 9007199254740993 false [] {} {"toString":1}`, 'string_type'),
  ...member('company_id', 422, ['"1\\u0000"', `"${'9'.repeat(101)}"`]),
  ...member('company_id', 201, each`"" "01" "__proto__" "\ud800" "\udc00\ud800" "1e3" "../1" "${'9'.repeat(100)}"`),
  ...member('raw_data', 422, each`null 1 "x" true [] [[]] 1e400 "{\"name\":\"x\"}"`, 'dict_type'),
  ...member('raw_data', 201, [
    ...each`{} {"a":9007199254740993} {"a":1e400} {"a":-1e400} {"a":1e-400} {"a":-0} {"a":0.1000000000000000055511151231257827}`,
    ...each`{"":1} {"\u0000":"\u0000"} {"\ud800":"\ud800"} {"a":1,"a":2,"a":[]} {"toJSON":"x","then":"y","length":-1}`,
    ...each`{"__proto__":{"polluted":true}} {"constructor":{"prototype":{"polluted":true}}}`,
    ...each`{"__proto__":null,"hasOwnProperty":1,"toString":2,"valueOf":3}`,
  ]),
  ...member('observed_at', 422, [
    ...each`0 1767225600 1e400 true [] {} "" "yesterday" "2026-02-30" "2026-01-01T25:00" "2026-01-01T00:60"`,
    ...each`"2026-01-01T00:00+99:00" "9999-12-31" "10000-01-01" "-000001-01-01" "0001-01-01" "1969-12-31T23:59:59.999Z"`,
    ...each`"2026-01-01\u0000" "２０２６-01-01"`,
  ]),
  ...member('observed_at', 201, ['null', '"2026-01-01"']),
  ...member('__proto__', 201, each`{"source_name":"reddit"} null []`),
  ...member('constructor', 201, each`{"prototype":{"a":1}}`),
  ...member(`${'x'.repeat(1_000_000)}`, 201, ['1']),
  ...member('['.repeat(100_000), 201, ['1']),
]

const feed = (rawData: string) => `{"source_name":"github","company_id":"1","raw_data":${rawData}}`
const whole: Case[] = [
  ['a number of 100,000 digits', 201, feed(`{"a":${'9'.repeat(100_000)}}`)],
  ['a text of 4 MB', 201, feed(`{"a":"${'x'.repeat(4_000_000)}"}`)],
  ['a text of 1 MB of escapes', 201, feed(`{"a":"${'\\u0000'.repeat(170_000)}"}`)],
  ['50,000 members', 201, feed(`{${Array.from({ length: 50_000 }, (_, n) => `"k${n}":${n}`).join(',')}}`)],
  ['200,000 items', 201, feed(`{"a":[${'0,'.repeat(200_000)}0]}`)],
  ['998 levels of raw data', 201, feed(`{"a":${deep(998)}}`)],
  ['1,001 levels', 422, feed(`{"a":${deep(999)}}`), 'nested deeper than 1000 levels'],
  ['100,000 lists', 422, deep(100_000), 'nested deeper than 1000 levels'],
  ['100,000 objects', 422, feed(deep(100_000, '{"a":', '}')), 'nested deeper than 1000 levels'],
  ['4,000,000 open lists', 422, '['.repeat(4_000_000), 'nested deeper than 1000 levels'],
  ['a body in the prototype', 422, `{"__proto__":${goodBody}}`, 'missing'],
  [
    'a source of the prototype',
    422,
    `{"__proto__":{"source_name":"github"},"company_id":"1","raw_data":{}}`,
    'missing',
  ],
  ['a source twice, the last one ours', 201, `{"source_name":"reddit",${goodBody.slice(1)}`],
  ['names in escapes', 201, goodBody.replace('"source_name"', '"\\u0073ource_name"').replace('_data"', '\\u005fdata"')],
  ['blanks of 1 MB', 201, ' '.repeat(1_000_000) + goodBody],
  ...each`{} {"raw_data":{}}`.map((body): Case => [`only ${body}`, 422, body, 'missing']),
  ...[...each`1 "x" true [] [[]] 1e400 -0`, `[${goodBody}]`, `"${'x'.repeat(3000)}"`].map((body): Case => [
    body,
    422,
    body,
    'model_attributes_type',
  ]),
  ['null', 422, 'null', 'missing'],
  ['nothing', 422, '', 'missing'],
]

const texts: Case[] = [
  ...[
    ...each`{ } [ {"a" {"a": {"a":1 {"a":1,} [1,] {'a':1} {a:1} {"a":1}{"a":1} {"a":01} {"a":+1} {"a":.5} {"a":1.} {"a":0x1}`,
    ...each`{"a":NaN} {"a":Infinity} {"a":-Infinity} {"a":undefined} /**/{} {"a":"\x41"} {"a":"\u12"} {"a":" {"a":tru} a=b`,
    ...[' ', '{"a":"\n"}', `\ufeff${goodBody}`, `)]}'\n${goodBody}`],
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
  ].map((body): Case => [`no JSON: ${body}`, 422, body, 'json_invalid']),
  ['NUL bytes', 422, Buffer.alloc(1000), 'json_invalid'],
  ['UTF-16', 400, Buffer.from(`\ufeff${goodBody}`, 'utf16le'), 'not UTF-8: byte 0xff at offset 0'],
  ['UTF-16 without a mark', 422, Buffer.from(goodBody, 'utf16le'), 'json_invalid'],
  ['ISO 8859', 400, Buffer.from('{"a":"é"}', 'latin1'), 'not UTF-8: byte 0xe9 at offset 6'],
  ['overlong UTF-8', 400, Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'not UTF-8: byte 0xc0 at offset 1'],
  ['surrogates in UTF-8', 400, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not UTF-8: byte 0xed at offset 1'],
  ['half a character', 400, Buffer.from([0x22, 0xe2, 0x82]), 'not UTF-8: byte 0xe2 at offset 1'],
  ['random bytes', 400, Buffer.from([0x80, 0xff, 0x00, 0x13, 0x37]), 'not UTF-8: byte 0x80 at offset 0'],
]

type Wrong = [member: string, status: number, values: string[]]
/** Requests whose body is `honest` with one member replaced by each of these values. */
const wrong = (path: string, honest: (place: Place) => object, cases: Wrong[]): Row[] =>
  cases.flatMap(([name, status, values]) =>
    values.map((value) =>
      row(`${path}: ${name} ${value.slice(0, 60)}`, status, (place) => {
        const { [name]: _, ...others } = honest(place) as Record<string, unknown>
        return { path, body: `{"${name}":${value},${JSON.stringify(others).slice(1)}` }
      }),
    ),
  )

const noText = each`null 1 true [] {}`
const noInt = each`null "x" "" 1.5 "1.5" 1e400 "1e3" "0x10" 2147483648 -2147483649 9007199254740993 "９" [] [1] {}`
const others: Row[] = [
  ...wrong('/source-measurement', ({ source }) => ({ type: 'text', measurement_name: 'a', source_module_id: source }), [
    ['type', 422, [...noText, '"a\\u0000"', `"${'x'.repeat(101)}"`]],
    ['measurement_name', 422, [...noText, '"a\\u0000"', `"${'x'.repeat(1001)}"`]],
    [
      'measurement_name',
      201,
      [...each`"" "\ud800" "__proto__" "';DROP/**/TABLE/**/data_source;--"`, `"${'😀'.repeat(500)}"`],
    ],
    ['source_module_id', 422, noInt],
    ['source_module_id', 403, each`0 -1 2147483647 "0"`],
    ['parent_measurement_id', 422, noInt.slice(1)],
    ['parent_measurement_id', 403, each`0 -1 2147483647`],
    ['parent_measurement_id', 201, ['null']],
    ['__proto__', 201, ['{"type":"int"}']],
  ]),
  ...wrong('/crawling-finished', ({ task }) => ({ task_id: task, errors: {} }), [
    ['task_id', 422, noInt],
    ['task_id', 404, each`0 -1 2147483647 false`],
    [
      'errors',
      422,
      each`1 "" true [] {"1":null} {"1":[]} {"1":"x"} {"1":{}} {"1":{"error_type":1}} {"1":{"error_type":null}}`,
    ],
    ['errors', 422, each`{"1":{"error_type":"x","error_description":1}} {"__proto__x":1}`],
    ['errors', 201, each`null {"":{"error_type":""}} {"constructor":{"error_type":"x"}}`],
    ['errors', 201, [`{"${lone}":{"error_type":"\\u0000","error_description":"${lone}"}}`]],
  ]),
  ...wrong('/new-company', () => ({ id: 1, company_name: 'a', description: '', added_by: '' }), [
    ['id', 422, noInt],
    ...each`company_name description added_by`.map((name): Wrong => [name, 422, noText]),
  ]),
]

export const bodies: Row[] = [
  ...[...members, ...whole, ...texts].map(([name, status, body, detail]) =>
    row(`body: ${name.length > 80 ? `${name.slice(0, 80)} (${name.length})` : name}`, status, { body }, detail),
  ),
  ...others,
]
