import { z } from 'zod'
import type { KindName, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id, words } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, readNotice, UnfitError } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { deliveryTable } from '../deliveries/deliveries-page.ts'
import { readDeliveries } from '../deliveries/read-deliveries.ts'
import type { Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { sayOutcome } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { path, peopleMain, type TypedPerson } from './people-page.ts'
import { rhythms } from './digest-part.ts'
import { personMain } from './person-page.ts'
import { readPeople, readPersonView } from './read-people.ts'

export type PeopleDeps = { database: Database; bounded: Bounded; changes: Changes }

/** Pages of people: who hears what, and why. */
export function peopleRoutes(deps: PeopleDeps): Route[] {
  const one = `${path}/:person_id`
  return [
    { method: 'get', path, role: 'desk', doc: docs.list, handle: showPeople(deps) },
    { method: 'post', path, role: 'desk', doc: docs.add, handle: addPerson(deps) },
    { method: 'get', path: one, role: 'desk', doc: docs.one, handle: showPerson(deps) },
    { method: 'post', path: `${one}/:what`, role: 'desk', doc: docs.change, handle: changePerson(deps) },
  ]
}

const change = z.uuid().optional().describe('A change that was just asked for.')
const peopleQuery = z.object({ q: words.optional(), change })
const personQuery = z.object({ change })
const personForm = z.object({ name: text(20_000), email: text(1000).optional() })
const personParams = z.object({ person_id: id })
const optional = (schema: z.ZodType) => z.union([z.literal('').transform(() => undefined), schema]).optional()
const changeForm = z.object({
  ...{
    company: optional(id),
    bucket: optional(id),
    subscription: optional(id),
    mute: optional(id),
    channel: optional(id),
  },
  ...{ from: text(10).optional(), to: text(10).optional(), zone: text(80).optional() },
  ...{ rhythm: z.enum(rhythms).optional(), weekday: optional(id), hour: z.string().max(2).optional() },
  all_quiet: z.literal('on').optional(),
  revision: text(60).optional().describe('Of the settings, as the page showed them.'),
  hold_critical: z.literal('on').optional(),
  type: z.enum(['EMAIL', 'SLACK', 'WEBHOOK']).optional(),
  destination: text(20_000).optional(),
  purpose: z.enum(['NOTIFICATION', 'REPORT']).optional(),
  secret: text(200).optional(),
})
type Form = z.output<typeof changeForm>

type Ask<K extends KindName> = { kind: K; section: string; payload(form: Form, person: number): object }
const of = <K extends KindName>(kind: K, section: string, payload: Ask<K>['payload']): Ask<K> => ({
  kind,
  section,
  payload,
})

/** What can be changed here. A payload that is wrong is refused by its kind. */
const asks = {
  follow: of('notifier.follow.add', 'follow', ({ company, bucket }, person) => ({ person, company, bucket })),
  unfollow: of('notifier.follow.remove', 'follow', ({ company, bucket, subscription }, person) => ({
    ...{ person, company, bucket, subscription },
  })),
  unmute: of('notifier.mute.remove', 'mutes', ({ mute }, person) => ({ person, mute })),
  quiet: of('notifier.quiet.set', 'quiet', ({ from, to, zone, hold_critical, revision }, person) => ({
    ...{ person, from, to, zone, hold_critical: hold_critical !== undefined, revision },
  })),
  'quiet-clear': of('notifier.quiet.clear', 'quiet', ({ revision }, person) => ({ person, revision })),
  digest: of('notifier.digest.set', 'digests', (form, person) => ({
    ...{ person, bucket: form.bucket, rhythm: form.rhythm, weekday: form.weekday, zone: form.zone },
    ...{ hour: form.hour === undefined ? undefined : Number(form.hour), all_quiet: form.all_quiet !== undefined },
    ...{ channel: form.channel ?? null, revision: form.revision },
  })),
  'digest-remove': of('notifier.digest.remove', 'digests', ({ bucket, revision }, person) => ({
    ...{ person, bucket, revision },
  })),
  test: of('notifier.channel.test', 'channels', ({ channel }, person) => ({ person, channel })),
  leave: of('notifier.channel.leave', 'channels', ({ channel }, person) => ({ person, channel })),
  channel: of('notifier.channel.add', 'channels', ({ type, destination, purpose, secret }, person) => ({
    ...{ person, type, destination, purpose, secret: secret?.trim() === '' ? undefined : secret },
  })),
} as const
type What = keyof typeof asks
const changeParams = personParams.extend({ what: z.enum(Object.keys(asks) as [What, ...What[]]) })

const page = asPage('The page.')
const unknown = { description: 'There is no such person.' }
const docs = {
  list: { summary: 'Who hears something, and where.', query: peopleQuery, responses: { 200: page } },
  add: {
    summary: 'Adds a person.',
    form: personForm,
    responses: { 303: goesBack, 422: { ...page, description: 'It was refused, with the reason.' } },
  },
  one: {
    summary: 'What a person follows, where they get it, and what they got lately.',
    ...{ params: personParams, query: personQuery, responses: { 200: page, 404: unknown } },
  },
  change: {
    summary: 'Changes what a person follows and gets, for an operator.',
    ...{ params: changeParams, form: changeForm, responses: { 303: goesBack } },
  },
} satisfies Record<string, RouteDoc>

type Shown = { q?: string | undefined; typed?: TypedPerson; said: Html | null; status?: number }

async function listPage(
  { database, bounded }: PeopleDeps,
  { headers }: RouteRequest,
  viewer: Session,
  { q = '', typed = {}, said, status = 200 }: Shown,
): Promise<RouteResponse> {
  const [{ rows, more }, zone] = await Promise.all([
    orUnavailable(bounded(readPeople(database, q.trim()))),
    bounded(readZone(database, viewer, headers.cookie)),
  ])
  const main = peopleMain({ rows, more, q, typed, said, zone })
  return showPage({ title: 'People', main, viewer, desk: 'people', zone, width: 'wide', status })
}

function showPeople(deps: PeopleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { q, change } = validate(peopleQuery, given(request.query), 'query')
    return listPage(deps, request, viewer, { q, said: await readNotice(deps.changes, viewer, change) })
  }
}

function addPerson(deps: PeopleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const typed = await readForm(personForm, request)
    const email = typed.email?.trim() === '' ? undefined : typed.email
    const payload = { name: typed.name, ...(email !== undefined && { email }) }
    const change = await askFor(deps.changes, viewer, 'notifier.person.add', payload, request)
    const outcome = await deps.changes.waitForOutcome(change, 0)
    if (outcome?.state !== 'refused') return goBack(path, change)
    // What was typed is still there.
    return listPage(deps, request, viewer, { typed, said: sayOutcome('bad', outcome.message), status: 422 })
  }
}

function showPerson({ database, bounded, changes }: PeopleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { person_id: person } = validate(personParams, request.params, 'path')
    const { change } = validate(personQuery, given(request.query), 'query')
    const [view, deliveries, zone, said] = await Promise.all([
      orUnavailable(bounded(readPersonView(database, person))),
      orUnavailable(bounded(readDeliveries(database, { person }, lately, null))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    if (view === null)
      return messagePage(404, 'Person not found', 'They were deleted in parma-web, or never existed.', {
        viewer,
        next: { text: 'Show all people', href: path },
      })
    const messages = deliveries.length > 0 ? deliveryTable(deliveries, zone, 'Messages lately') : null
    const main = personMain({ view, deliveries: messages, said, zone })
    return showPage({ title: view.detail.name.slice(0, 200), main, viewer, desk: 'people', zone, width: 'wide' })
  }
}

/** Messages shown of one person. */
const lately = 10

function changePerson({ changes }: PeopleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { person_id: person, what } = validate(changeParams, request.params, 'path')
    const { kind, section, payload } = asks[what] as Ask<KindName>
    const form = await readForm(changeForm, request)
    const asked = Object.entries(payload(form, person)).filter(([, value]) => value !== undefined)
    try {
      const change = await askFor(
        changes,
        viewer,
        kind,
        Object.fromEntries(asked) as PayloadInput<typeof kind>,
        request,
      )
      return goBack(`${path}/${person}`, change, section)
    } catch (error) {
      if (!(error instanceof UnfitError)) throw error
      return messagePage(422, 'This cannot be set', `Nothing was changed. ${error.message}.`, {
        viewer,
        next: { text: 'Go back', href: `${path}/${person}#${section}` },
      })
    }
  }
}
