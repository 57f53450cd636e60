import { actionLink, type LinkSettings, type MessageAction } from '#runtime/web/signed-links.ts'
import type { Line } from '../message/message.ts'
import type { Extras } from './extras.ts'

/** In the order in which they are shown. */
const texts: Readonly<Record<MessageAction['action'], string>> = {
  useful: 'Useful',
  'not-useful': 'Not useful',
  'quiet-until-worse': 'Quiet until it gets worse',
  'mute-series': 'Mute series',
  'mute-measurement': 'Mute measurement',
  'mute-company': 'Mute company',
}
const actions = Object.keys(texts) as MessageAction['action'][]

/**
 * The actions of each news item for one person (`public.user.id`), good until `until` (ms since 1970); none where nobody
 * may act, or links are not set up.
 */
export function actionsFor(
  settings: LinkSettings,
  person: number | null,
  until: number,
): NonNullable<Extras['actionsOf']> {
  return ({ newsId }: Line) => {
    if (person === null || newsId === undefined) return []
    return actions.flatMap((action) => {
      const url = actionLink(settings, { person, newsId, action }, until)
      return url === null ? [] : { text: texts[action], url }
    })
  }
}
