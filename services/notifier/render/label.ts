import type { Line } from '../message/message.ts'

/** What stands beside a line: nobody is to be warned of what is good. Empty: nothing. */
export function labelOf({ mark, isGood }: Pick<Line, 'mark' | 'isGood'>): string {
  return mark === 'warning' && isGood ? 'good news' : mark
}
