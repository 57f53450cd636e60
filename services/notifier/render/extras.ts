import type { Line } from '../message/message.ts'

/** What a person may do about a news item: a link to a page that asks first. */
type ActionLink = { text: string; url: string }

/** What a channel adds to a message. */
export type Extras = {
  /** Why the recipients get it, as a sentence. */
  why: string
  /** The address for unsubscribing. */
  unsubscribe?: string | null
  /** The actions of a line; without any for a destination that several people share. */
  actionsOf?(line: Line): readonly ActionLink[]
  /** What the chart of a line says, and where its pictures are, such as `cid:…`. */
  chartOf?(line: Line): { text: string | null; light: string | null; dark: string | null } | null
}
