import type { Line } from './message.ts'

/** What a news item says of a number, and whether more of it is good. */
type Change = {
  polarity: string | null
  previous: string | null
  current: string | null
  trigger_factor: number | null
}

/** Whether a number moved the way that is good for the company: nobody is to be warned of it. */
export function isGoodNews({ polarity, previous, current, trigger_factor }: Change): boolean {
  if (polarity !== 'good' && polarity !== 'bad') return false
  const change = trigger_factor ?? numberOf(current) - numberOf(previous)
  return polarity === 'good' ? change > 0 : change < 0
}

/** A number as news items write it, such as 1,500; NaN: it is none. */
function numberOf(text: string | null): number {
  const plain = text?.replaceAll(',', '').trim()
  return plain ? Number(plain) : NaN
}

/** What stands beside a line: nobody is warned of what is good. Empty: nothing. */
export function labelOf({ mark, isGood }: Pick<Line, 'mark' | 'isGood'>): string {
  return mark === 'warning' && isGood ? 'good news' : mark
}
