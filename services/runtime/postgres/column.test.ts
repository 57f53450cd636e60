import { expect, test } from 'vitest'
import { arrayText } from './column.ts'

const self = <T>(element: T) => element

test.each([
  ['numbers as they are', [1, -2.5, 1e21, null, 0], '{1,-2.5,1e+21,NULL,0}'],
  ['no elements', [], '{}'],
  ['truth', [true, false, null], '{true,false,NULL}'],
  [
    'texts in quotes, which NULL and the empty text need',
    ['NULL', '', null, 'a b', '{a,b}'],
    '{"NULL","",NULL,"a b","{a,b}"}',
  ],
  [
    'quotes and backslashes with one in front',
    ['say "hi"', 'c:\\dir\\', '\\"'],
    '{"say \\"hi\\"","c:\\\\dir\\\\","\\\\\\""}',
  ],
  [
    'other characters as they are',
    ['"\n\t"', '"\u001f', '"\ud83d\ude00\u2028"'],
    '{"\\"\n\t\\"","\\"\u001f","\\"\ud83d\ude00\u2028\\""}',
  ],
])('%s', (_, elements, text) => {
  expect(arrayText<string | number | boolean | null>(elements, self)).toBe(text)
})
