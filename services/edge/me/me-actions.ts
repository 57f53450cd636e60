import { z } from 'zod'
import type { KindName, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import type { Changes } from '../changes/changes.ts'
import { messagePage } from '../design/layout.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import type { RouteRequest } from '../server/route.ts'
import { askFor, goBack, personOf, UnfitError } from '../console/changes.ts'
import type { MePart } from './read-me.ts'

const number = (least: number, most: number) => lenient(z.int32().min(least).max(most)).optional()

/** All fields of the forms of My page. Empty ones are as if they were not sent. */
export const meForm = z.object({
  company: id.optional(),
  bucket: z.union([z.literal('').transform(() => undefined), id]).optional(),
  subscription: id.optional(),
  mute: id.optional(),
  channel: id.optional(),
  from: text(10).optional(),
  to: text(10).optional(),
  zone: text(80).optional(),
  hold_critical: z.literal('on').optional(),
  rhythm: z.enum(['daily', 'weekly', 'monthly', 'off']).optional(),
  hour: number(0, 23),
  weekday: number(1, 7),
  all_quiet: z.literal('on').optional(),
  revision: text(60).optional().describe('Of the settings, as the page showed them.'),
})
type Form = z.output<typeof meForm>

type Ask<K extends KindName> = { kind: K; section: MePart; payload(form: Form, person: number): PayloadInput<K> }
const of = <K extends KindName>(ask: Ask<K>) => ask

/** What can be changed here. A payload that is wrong is refused by its kind. */
const asks = {
  follow: of({
    ...{ kind: 'notifier.follow.add', section: 'follow' },
    payload: ({ company, bucket }, person) => ({ person, company, bucket }),
  }),
  unfollow: of({
    ...{ kind: 'notifier.follow.remove', section: 'follow' },
    payload: ({ company, bucket, subscription }, person) => ({ person, company, bucket, subscription }),
  }),
  unmute: of({
    ...{ kind: 'notifier.mute.remove', section: 'mutes' },
    payload: ({ mute }, person) => ({ person, mute: mute ?? 0 }),
  }),
  quiet: of({
    ...{ kind: 'notifier.quiet.set', section: 'quiet' },
    payload: ({ from = '', to = '', zone = '', hold_critical, revision }, person) => ({
      ...{ person, from, to, zone, hold_critical: hold_critical !== undefined, revision },
    }),
  }),
  'quiet-none': of({
    ...{ kind: 'notifier.quiet.set', section: 'quiet' },
    payload: ({ zone = '', revision }, person) => ({ person, none: true, zone, revision }),
  }),
  'quiet-clear': of({
    ...{ kind: 'notifier.quiet.clear', section: 'quiet' },
    payload: ({ revision }, person) => ({ person, revision }),
  }),
  digest: of({
    ...{ kind: 'notifier.digest.set', section: 'digests' },
    payload: ({ all_quiet, bucket, rhythm, hour, weekday, zone, revision }, person) => ({
      ...{ person, bucket, rhythm, hour, weekday, zone, all_quiet: all_quiet !== undefined, revision },
    }),
  }),
  'digest-remove': of({
    ...{ kind: 'notifier.digest.remove', section: 'digests' },
    payload: ({ bucket, revision }, person) => ({ person, bucket, revision }),
  }),
  preview: of({
    ...{ kind: 'notifier.digest.preview', section: 'digests' },
    payload: ({ bucket }, person) => ({ person, bucket }),
  }),
  test: of({
    ...{ kind: 'notifier.channel.test', section: 'channels' },
    payload: ({ channel }, person) => ({ person, channel: channel ?? 0 }),
  }),
} as const

type What = keyof typeof asks
export const meParams = z.object({ what: z.enum(Object.keys(asks) as [What, ...What[]]) })

/** POST /console/me/{what} */
export function changeMe({ changes }: { changes: Changes }) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const person = personOf(session)
    const { what } = validate(meParams, request.params, 'path')
    const { kind, section, payload } = asks[what] as Ask<KindName>
    const form = await readForm(meForm, request)
    try {
      const id = await askFor(changes, session, kind, defined(payload(form, person)), request)
      return what === 'preview' ? goBack('/console/preview', id) : goBack(`/console/me?part=${section}`, id)
    } catch (error) {
      if (error instanceof UnfitError) return refused(session, error, section)
      throw error
    }
  }
}

/** The payload of a change has no member that is undefined. */
function defined<T extends object>(payload: T): T {
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)) as T
}

function refused(viewer: Session, { message }: UnfitError, section: string): RouteResponse {
  return messagePage(422, 'This cannot be set', `Nothing was changed. ${message}.`, {
    viewer,
    next: { text: 'Go back', href: `/console/me#${section}` },
  })
}
