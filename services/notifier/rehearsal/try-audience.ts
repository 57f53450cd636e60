import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { formatCount } from '#runtime/text/format.ts'
import { sql } from '#runtime/postgres/database.ts'
import type { PeopleSettings } from '../people/settings.ts'
import type { PlanSettings } from '../plan/settings.ts'
import { readAudience } from './audience.ts'
import { reportRehearsal } from './describe-rehearsal.ts'
import { readNews } from './read-news.ts'
import { rehearse } from './rehearse.ts'

const trialRow = z.object({ news: z.array(z.unknown()) })

/** Plans messages about the news items of a rule's trial, and keeps who would have got how many. Sends nothing. */
export function tryAudience(
  config: PlanSettings & PeopleSettings & { MAX_LINES: number },
): Apply<Payload<'notifier.audience.try'>> {
  return async (tx, { trial }, { id }) => {
    const found = await tx.maybeOne(sql.type(trialRow)`
      SELECT news FROM analyzer.rule_rehearsal_view WHERE change_id = ${trial}::uuid`)
    if (!found) throw new RefusedError('This trial is not there any more. Try the rule again.')
    const news = readNews(found.news.map((one) => JSON.stringify(one)).join('\n'), 'the trial')
    const companies = [...new Set(news.map(({ company_id }) => company_id))]
    const { audience, destinations } = await readAudience(config, tx, companies)
    const report = reportRehearsal(rehearse(news, audience), news, destinations, config.MAX_LINES)
    await tx.query(sql.unsafe`
      INSERT INTO notifier.rehearsal (change_id, messages, people, without_recipient)
      VALUES (${id}, ${report.messages}, ${JSON.stringify(report.people)}::jsonb,
        ${JSON.stringify(report.without_recipient)}::jsonb)`)
    return { message: `${formatCount(report.messages, 'message')} would have been sent.`, before: null, after: null }
  }
}
