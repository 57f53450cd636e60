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

/** Who may act on the news items of a message, and until when (ms since 1970). */
export type Actor = { person: number; until: number }

/** The actions of each news item for one person; none where nobody may act, or links are not set up. */
export function actionsFor(settings: LinkSettings, actor: Actor | null): NonNullable<Extras['actionsOf']> {
  return ({ newsId }: Line) => {
    if (actor === null || newsId === undefined) return []
    return actions.flatMap((action) => {
      const url = actionLink(settings, { person: actor.person, newsId, action }, actor.until)
      return url === null ? [] : { text: texts[action], url }
    })
  }
}
