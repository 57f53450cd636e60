import { z } from 'zod'
import { includesRole } from '#runtime/changes/roles.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { companyParams } from '../ask/company.ts'
import { isReadable } from '../ask/may-read.ts'
import { readSeriesHead, type SeriesHead } from '../ask/one-series.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, notThere, personOf } from '../console/changes.ts'
import { seriesIdPattern } from '../growth/series-id.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { keysOfMute } from './read-series-page.ts'

export type ActDeps = { database: Database; bounded: Bounded; changes: Changes }

export const seriesParams = z.object({ series_id: z.string().regex(seriesIdPattern) })

const nothing = z.object({})
const muteForm = z.object({ days: z.enum(['7']).optional().describe('Without it, for good.') })
const unmuteForm = z.object({ mute: id.describe('Id of the mute.') })
const polarityForm = z.object({ polarity: z.enum(['good', 'bad', 'neither', 'default']) })

const minutesOfDay = 24 * 60

/** What a person does on the page of a company or series. Each is a change that its owner makes. */
export function actRoutes(deps: ActDeps): Route[] {
  const { changes } = deps
  return [
    companyAct(deps, 'follow', 'The person follows the company.', nothing, (session, company, _, request) =>
      askFor(changes, session, 'notifier.follow.add', { person: personOf(session), company }, request),
    ),
    companyAct(deps, 'unfollow', 'The person no longer follows the company.', nothing, (session, company, _, request) =>
      askFor(changes, session, 'notifier.follow.remove', { person: personOf(session), company }, request),
    ),
    companyAct(deps, 'mute', 'Mutes the company for the person.', muteForm, (session, company, form, request) => {
      const payload = { person: personOf(session), company, ...lengthOf(form) }
      return askFor(changes, session, 'notifier.mute.add', payload, request)
    }),
    companyAct(deps, 'unmute', 'Ends a mute of the person.', unmuteForm, (session, _, { mute }, request) =>
      askFor(changes, session, 'notifier.mute.remove', { person: personOf(session), mute }, request),
    ),
    seriesAct(deps, 'mute', 'Mutes the series for the person.', muteForm, (session, head, form, request) => {
      const payload = { person: personOf(session), ...keysOfMute(head), ...lengthOf(form) }
      return askFor(changes, session, 'notifier.mute.add', payload, request)
    }),
    seriesAct(deps, 'unmute', 'Ends a mute of the person.', unmuteForm, (session, _, { mute }, request) =>
      askFor(changes, session, 'notifier.mute.remove', { person: personOf(session), mute }, request),
    ),
    polarityRoute(deps),
  ]
}

const lengthOf = ({ days }: z.output<typeof muteForm>) =>
  days === undefined ? {} : { minutes: Number(days) * minutesOfDay }

function companyAct<F extends z.ZodObject>(
  { database, bounded }: ActDeps,
  name: 'follow' | 'unfollow' | 'mute' | 'unmute',
  summary: string,
  form: F,
  ask: (session: Session, company: number, fields: z.output<F>, request: RouteRequest) => Promise<string>,
): Route {
  return {
    ...{ method: 'post', path: `/console/companies/:company_id/${name}`, role: 'person' },
    doc: { ...{ summary, form, params: companyParams }, responses: { 303: goesBack, 404: notThere } },
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      personOf(session)
      const { company_id } = validate(companyParams, request.params, 'path')
      const fields = await readForm(form, request)
      if (!(await bounded(isReadable(database, session, String(company_id))))) throw new HttpError(404, 'Not Found')
      const made = await ask(session, company_id, fields, request)
      return goBack(`/console/companies/${company_id}`, made, name.replace('un', ''))
    },
  }
}

function seriesAct<F extends z.ZodObject>(
  { database, bounded }: ActDeps,
  name: 'mute' | 'unmute',
  summary: string,
  form: F,
  ask: (session: Session, head: SeriesHead, fields: z.output<F>, request: RouteRequest) => Promise<string>,
): Route {
  return {
    ...{ method: 'post', path: `/console/series/:series_id/${name}`, role: 'person' },
    doc: { ...{ summary, form, params: seriesParams }, responses: { 303: goesBack, 404: notThere } },
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      personOf(session)
      const { series_id } = validate(seriesParams, request.params, 'path')
      const fields = await readForm(form, request)
      const head = await orUnavailable(bounded(readSeriesHead(database, session, series_id)))
      if (head === null) throw new HttpError(404, 'Not Found')
      return goBack(`/console/series/${series_id}`, await ask(session, head, fields, request), 'mute')
    },
  }
}

function polarityRoute({ database, bounded, changes }: ActDeps): Route {
  return {
    ...{ method: 'post', path: '/console/series/:series_id/polarity', role: 'person' },
    doc: {
      summary: 'Sets whether more of the measurement of a series is good, for all companies. Operators only.',
      ...{ form: polarityForm, params: seriesParams },
      responses: { 303: goesBack, 403: { description: 'The person is no operator.' }, 404: notThere },
    },
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      const { series_id } = validate(seriesParams, request.params, 'path')
      const { polarity } = await readForm(polarityForm, request)
      if (!includesRole(session.role, 'operator')) throw new HttpError(403, 'This change needs the role operator.')
      const head = await orUnavailable(bounded(readSeriesHead(database, session, series_id)))
      if (head === null) throw new HttpError(404, 'Not Found')
      const payload = { measurement: head.series.measurement.id, polarity }
      const made = await askFor(changes, session, 'analyzer.polarity.set', payload, request)
      return goBack(`/console/series/${series_id}`, made, 'polarity')
    },
  }
}
