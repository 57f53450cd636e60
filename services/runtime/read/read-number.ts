/** A number as stored. `text` has the digits if a double would lose some. */
type ReadNumber = { number: number; text: string | null }

const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/

/** The number in a decimal text of any form; null if it is not a number, Infinity if it is too large for a double. */
export function readNumber(text: string): ReadNumber | null {
  const plain = Number(text)
  if (Number.isFinite(plain) && String(plain) === text) return { number: plain, text: null }
  const found = decimal.exec(text)
  if (!found || !(found[2] || found[3])) return null
  const number = plain || 0
  const exact = Number.isFinite(number) && sameDigits(digitsOf(found), digitsOf(decimal.exec(String(number))))
  return { number, text: exact ? null : text }
}

type Digits = { digits: string; exponent: number }

/** Significant digits and the power of ten behind them, which 1.50e3, 1500 and 15e2 have in common. */
function digitsOf(found: RegExpExecArray | null): Digits {
  const [, , whole = '', fraction = '', exponent = '0'] = found ?? []
  const all = (whole + fraction).replace(/^0+/, '')
  let end = all.length
  while (all[end - 1] === '0') end--
  const digits = all.slice(0, end)
  return { digits, exponent: digits === '' ? 0 : Number(exponent) - fraction.length + all.length - end }
}

function sameDigits(a: Digits, b: Digits): boolean {
  return a.digits === b.digits && a.exponent === b.exponent
}
