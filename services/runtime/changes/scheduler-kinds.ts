import { z } from 'zod'
import { id, text as words } from './kind.ts'

const common = {
  source: id.describe('Id of the source (public.data_source.id).'),
  revision: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Of scheduler.plan_view, as whoever asks has seen it (0: there was no row). Refused when it is another one by now.',
    ),
}
const subject = ({ source }: { source: number }) => `source:${source}`

/** What operators change of when sources run. */
export const schedulerKinds = {
  'scheduler.plan.set': {
    payload: z
      .strictObject({
        ...common,
        cron: words(200)
          .optional()
          .describe('Minute, hour, day of month, month and day of week; `none`: its frequency.'),
        zone: words(80).optional().describe('Time zone of the pattern and the window.'),
        window: words(20).optional().describe('Part of the day, such as 08:00-18:00; `none` removes it.'),
        jitter: words(10).optional().describe('Seconds over which planned runs are spread.'),
        catch_up: z.enum(['latest', 'all', 'none']).optional().describe('Which slots run after an outage.'),
        attempts: words(10).optional().describe('Attempts at a task, or `default`.'),
        backoff: words(10).optional().describe('Seconds before the second attempt, or `default`.'),
        overlap: z.boolean().optional().describe('Whether a run may start while another one is running.'),
      })
      .describe('When a source runs. What is not given stays.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.pause': {
    payload: z
      .strictObject({
        ...common,
        until: z
          .int()
          .min(0)
          .max(253_402_300_799_999)
          .optional()
          .describe('End of the pause, ms since 1970; without it, until somebody resumes the source.'),
        why: words(500).optional().describe('For other operators.'),
      })
      .describe('Starts no further runs of a source. A run that has started goes on.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.resume': {
    payload: z.strictObject(common).describe('Ends the pause of a source.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.run': {
    payload: z
      .strictObject({
        source: common.source,
        companies: z
          .array(id)
          .min(1)
          .max(1000)
          .optional()
          .describe('Only these companies; without it, all that are linked.'),
      })
      .describe('Runs a source now, in addition to its plan.'),
    role: 'operator' as const,
    subject,
  },
}
