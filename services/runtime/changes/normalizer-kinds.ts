import { z } from 'zod'
import { isStorable, notStorable } from '../text/iso-time.ts'
import { id, of, text } from './kind.ts'

const replay = z.strictObject({ replay: id.describe('Number of the replay.') })
const utcTime = z.iso.datetime({ offset: true }).refine(isStorable, notStorable)

/** The changes that the normalizer makes. */
export const normalizerKinds = {
  'normalizer.replay.start': of({
    payload: z
      .strictObject({
        source: id.describe('Id of the data source.'),
        companies: z.array(id).min(1).max(1000).optional().describe('Only payloads about these companies.'),
        from: utcTime.optional().describe('Only payloads observed from then on.'),
        to: utcTime.optional().describe('Only payloads observed before then.'),
        mode: z
          .enum(['compare', 'fill', 'replace'])
          .describe(
            'Only say what would change, store what is missing, or put what is read in the place of what is stored.',
          ),
        map: z
          .union([z.enum(['then', 'now']), id])
          .describe('By which version of the map: that of its time, the newest, or this one.'),
        rate: z.int().min(1).max(10_000).optional().describe('At most so many payloads per second.'),
        reason: text(500).optional(),
      })
      .describe('Reads stored payloads of a source again. Nobody is notified.'),
    role: 'operator',
    subject: ({ source }) => `source:${source}`,
  }),
  'normalizer.replay.pause': of({
    payload: replay.describe('Stops a replay until it is resumed.'),
    role: 'operator',
    subject: (one) => `replay:${one.replay}`,
  }),
  'normalizer.replay.resume': of({
    payload: replay.describe('Goes on with a replay that is paused.'),
    role: 'operator',
    subject: (one) => `replay:${one.replay}`,
  }),
  'normalizer.replay.cancel': of({
    payload: replay.describe('Ends a replay. What it has done stays.'),
    role: 'operator',
    subject: (one) => `replay:${one.replay}`,
  }),
  'normalizer.map.try': of({
    payload: z
      .strictObject({
        source: id.describe('Id of the data source.'),
        version: id.optional().describe('A stored version of its map.'),
        draft: id.optional().describe('Or a map that somebody gave, or that waits for a yes.'),
        last: z.int().min(1).max(1000).default(100).describe('On so many of its last stored documents.'),
      })
      .refine(
        ({ version, draft }) => (version === undefined) !== (draft === undefined),
        'must have either version or draft',
      )
      .describe('Understands stored documents by a map that is not in force. Nothing is stored of them.'),
    role: 'operator',
    subject: ({ source }) => `source:${source}`,
  }),
  'normalizer.path.ignore': of({
    payload: z
      .strictObject({
        source: id.describe('Id of the data source.'),
        path: text(10_000).min(1).describe('As `parma refused show` has it.'),
        ignored: z.boolean().describe('False: it counts again.'),
        reason: text(500).min(1).optional().describe('Why it is ignored.'),
      })
      .refine(({ ignored, reason }) => !ignored || reason !== undefined, 'must have a reason')
      .describe(
        'What is refused at a path of a source, or not named by its map, no longer counts. It is still recorded.',
      ),
    role: 'operator',
    subject: ({ source }) => `source:${source}`,
  }),
  'normalizer.value.correct': of({
    payload: z
      .strictObject({
        event_id: z.uuid().toLowerCase().describe('Id of the payload.'),
        path: text(10_000).min(1).describe('Path of the value, as `parma values ls` shows it.'),
        item: text(100_000).optional().describe('Key of the list item; empty: none.'),
        seq: z.int().min(0).optional().describe('Place in the payload, where several values have one path and item.'),
        value: text(100_000).describe('What is right.'),
        was: text(1000)
          .optional()
          .describe('What stood there for whoever asks. If it is another value by now, nothing is changed.'),
        revision: z
          .int()
          .min(0)
          .optional()
          .describe(
            'generation_no of normalizer.value_lineage for whoever asks; 0: null. If it is another by now, nothing is changed.',
          ),
        reason: text(500).min(1),
      })
      .describe('Puts a value in the place of a wrong one, which is kept. Nobody is notified.'),
    role: 'operator',
    subject: ({ event_id }) => `payload:${event_id}`,
  }),
}
