/** What a message says, for no channel in particular: plain text without control characters, every part bounded. */
export type Message = {
  /** One line, the whole story for those who read no further. */
  subject: string
  /** Where it comes from and when it was true. */
  context: string
  lines: Line[]
  /** What is left out of `lines`, as a sentence; empty when nothing is. */
  rest: string
  /** Why anybody hears of it; who hears it is added per destination. */
  topic: { kind: 'company' | 'operations' | 'channel' | 'test'; name: string }
  /** What leads from the message back to the data. */
  trace: string
}

export type Line = {
  /** Stands above this line, and those after it up to the next one. Either the first line has one, or none. */
  heading?: string
  /** Shown in front of the title; empty for what is not urgent. */
  mark: string
  title: string
  /** What changed, by how much, since when. */
  details: string[]
  /** The page that explains it. */
  link?: string
}
