import { z } from 'zod'

export const conditions = ['percent', 'absolute', 'above', 'below', 'unusual'] as const
export type Condition = (typeof conditions)[number]
const directions = ['both', 'up', 'down'] as const

/** As browsers write what a slider says. */
const number = z
  .string()
  .regex(/^[+-]?\d{1,19}(\.\d{1,20})?(e[+-]?\d{1,2})?$/i)
  .transform(Number)
  .refine((value) => Math.abs(value) <= 1e18, 'must be between -1e18 and 1e18')

/** The rule that a page tries on its series. Its address holds it. */
export const trialQuery = {
  rule: z
    .enum(conditions)
    .optional()
    .describe('Tries a rule: a change in percent or amount, or a level; or the detectors.'),
  direction: z.enum(directions).default('both').describe('Of a change.'),
  threshold: number
    .optional()
    .describe('The change, the level, or how sure detectors are (percent); without it, one that suits the series.'),
}

/** A rule with a threshold, as it is tried. */
export type TriedRule = { condition: Condition; direction: (typeof directions)[number]; threshold: number }
