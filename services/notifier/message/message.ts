import type { NewsFacts, OpsFacts } from '#schemas/webhooks.ts'

/** The content of a message, the same for all channels: plain text without control characters, every part bounded. */
export type Message = {
  /** One line that says what happened. */
  subject: string
  /** Of several news items: what mails begin with. */
  headline?: string
  /** The source and the time. */
  context: string
  lines: Line[]
  /** What `lines` leaves out, as a sentence; empty: nothing. */
  rest: string
  /** What the message is about; explainWhy makes a sentence of it and the recipients. */
  topic: { kind: 'company' | 'operations' | 'channel' | 'test' | 'sign-in'; name: string }
  /** The ids that lead back to the data; empty: none. */
  trace: string
  /** The id of a link to sign in: the channel puts the link into the first line when it sends the message. */
  signIn?: string
  /** A digest as mails and posts show it. `lines` has the same news items for programs and templates. */
  digest?: DigestView
}

/** A digest: what matters most, a line for each further company, and counts. */
export type DigestView = {
  headline: string
  period: string
  summary: string
  /** The best first. */
  things: Thing[]
  further: FurtherCompany[]
  counts: string[]
  /** The address at which it stands as a page; absent: links are not set up, or it is only looked at. */
  page?: string
}

/** A news item of a digest. */
export type Thing = Line & {
  /** Its series as a row of bars; null: there is none. */
  bars: string | null
  /** Why it was chosen, as a sentence. */
  reason: string
}

/** A company in one line. */
export type FurtherCompany = {
  company: string
  /** What happened; null: that stands above, and there is more. */
  sentence: string | null
  /** News items that are only counted. */
  more: number
  link: string | null
}

/** The series of a news item, which is about its last value. */
export type MessageChart = {
  title: string
  /** What the news item says. */
  mark: string
  /** In order of time (ms since 1970). */
  points: [at: number, value: number][]
  /** As high as a few lines of text, because others stand around it. */
  isSmall?: true
}

/** A news item or event in a message. */
export type Line = {
  /** Heading of this line and those that follow, up to the next heading. Only if the first line has one may others. */
  heading?: string
  /** Shown beside the title: a severity, or `resolved`; empty: nothing. */
  mark: string
  /** The news is good, so nobody is to be warned. */
  isGood?: true
  title: string
  /** What changed, by how much, since when. */
  details: string[]
  /** The same as title and details, with everything said once: what mails and posts show. */
  story?: Story
  /** The page that explains the news item. */
  link?: string
  /** What the link says; absent: that it says why. */
  linkText?: string
  /** What programs read; the address in it is `link`. */
  facts?: LineFacts
  /** The news item, on which its reader may act. */
  newsId?: string
  /** Channels that show no pictures leave it out. */
  chart?: MessageChart
}

export type Story = {
  /** The company, with the item it is about, as in "acme/app"; null: it is clear from what is around. */
  name: string | null
  sentence: string
  more: string[]
}

export type LineFacts = Omit<NewsFacts, 'why'> | OpsFacts
