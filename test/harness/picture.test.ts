import { expect, it } from 'vitest'
import { findFaults, readPicture } from './picture.ts'

const picture = (inside: string, named = 'a') =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" aria-labelledby="${named}"><title id="a">x</title>${inside}</svg>`

it('a sound picture has no faults', () => {
  expect(
    findFaults(picture('<path d="M0 0L100 50l-5 -5h5v5Z"/><text x="50" y="20" text-anchor="middle">abc</text>')),
  ).toEqual([])
})

it.each([
  ['<rect x="0" y="0" width="101" height="10"/>', 'rect at 101 10: '],
  ['<circle cx="2" cy="10" r="5"/>', 'circle at -3 5: '],
  ['<line x1="0" y1="0" x2="10" y2="60"/>', 'line at 10 60: '],
  ['<path d="M10 10l0 50"/>', 'path at 10 60: '],
  ['<path d="M10 10LNaN 50"/>', 'no number'],
  ['<g id="a"/>', 'a twice'],
  ['<rect width="1" height="1" fill="url(#b)"/>', 'no b'],
])('%s is a fault', (inside, fault) => {
  expect(findFaults(picture(inside))).toContain(fault)
})

it('a text that reaches beyond the picture is a fault', () => {
  expect(findFaults(picture('<text x="90" y="20">a long text</text>'))).toEqual([expect.stringMatching(/^text at /)])
})

it('what is no XML is refused', () => {
  expect(() => readPicture(picture('<g>'))).toThrow()
  expect(() => readPicture(picture('<text>&nbsp;</text>'))).toThrow()
})
