import { Cron } from 'croner'

const fields = [
  { name: 'minute', least: 0, most: 59, size: 60, form: '0–59' },
  { name: 'hour', least: 0, most: 23, size: 24, form: '0–23' },
  { name: 'day of month', least: 1, most: 31, size: 31, form: '1–31 or L' },
  { name: 'month', least: 1, most: 12, size: 12, form: '1–12 or JAN–DEC' },
  { name: 'day of week', least: 0, most: 7, size: 7, form: '0–7 or SUN–SAT' },
]

/** What is wrong with the first wrong field of a pattern of five fields. Null: none is wrong by itself. */
export function describeCronFault(pattern: string): string | null {
  const typed = pattern.trim().split(/ +/)
  const index = typed.findIndex((text, index) => !isValid(text, index))
  const [field, text] = [fields[index], typed[index]]
  if (!field || text === undefined) return null
  const { name, least, most, size, form } = field
  const number = numbersIn(text, /(?<![/#\d])\d+/g).find((number) => number < least || number > most)
  if (number !== undefined) return `${name} ${number} is not ${least}–${most}`
  const step = numbersIn(text, /(?<=\/)\d+/g).find((step) => step < 1 || step > size)
  if (step !== undefined) return `the step ${step} of ${name} is not 1–${size}`
  const week = numbersIn(text, /(?<=#)\d+/g).find((week) => week < 1 || week > 5)
  if (week !== undefined) return `${name} ${JSON.stringify(text)}: week ${week} of a month is not 1–5`
  return `${name} ${JSON.stringify(text)} cannot be read: give *, ${form}, ranges such as ${least + 1}-${least + 5}, steps such as */2, or several with commas`
}

function isValid(text: string, index: number): boolean {
  try {
    new Cron(fields.map((_, other) => (other === index ? text : '*')).join(' '), { mode: '5-part', paused: true })
    return true
  } catch {
    return false
  }
}

function numbersIn(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map(([digits]) => Number(digits))
}
