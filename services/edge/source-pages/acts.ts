import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, notThere } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import { orUnavailable } from '../ask/respond.ts'
import { asPage } from '../design/layout.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { endOf, pauseForm, planForm, planQuery, resumeForm, runForm, suspectForm } from './act-forms.ts'
import { planMain, toWords } from './plan-page.ts'
import { noSource, sourceParams } from './source-words.ts'
import { readDeskSource, sourcesPath } from './read-sources.ts'

export type SourceActDeps = { database: Database; bounded: Bounded; changes: Changes }

type Act = { deps: SourceActDeps; session: Session; source: number; request: RouteRequest }

/** What operators do with a source. Each is a change that its owner makes, or refuses with its reason. */
export function sourceActRoutes(deps: SourceActDeps): Route[] {
  return [
    planRoute(deps),
    act(
      deps,
      'run',
      'Runs a source now, or one company of it.',
      runForm,
      async ({ session, source, request }, { company }) => {
        const wanted = company?.trim() ?? ''
        const companies = wanted === '' ? {} : { companies: [await findLinked(deps, source, wanted)] }
        return askFor(deps.changes, session, 'scheduler.run', { source, ...companies }, request)
      },
    ),
    act(deps, 'pause', 'Pauses a source.', pauseForm, ({ session, source, request }, { revision, why, hours }) => {
      const until = endOf(hours, Date.now())
      const payload = { source, revision, why, ...(until !== undefined && { until }) }
      return askFor(deps.changes, session, 'scheduler.pause', payload, request)
    }),
    act(deps, 'resume', 'Ends the pause of a source.', resumeForm, ({ session, source, request }, { revision }) =>
      askFor(deps.changes, session, 'scheduler.resume', { source, revision }, request),
    ),
    act(deps, 'plan', 'Changes when a source runs.', planForm, ({ session, source, request }, { revision, ...words }) =>
      askFor(deps.changes, session, 'scheduler.plan.set', { source, revision, ...toWords(words) }, request),
    ),
    act(deps, 'suspect', 'Decides about a run that is held.', suspectForm, ({ session, request }, { run, state }) =>
      askFor(deps.changes, session, 'analyzer.held_run.decide', { run, state }, request),
    ),
  ]
}

function act<F extends z.ZodObject>(
  deps: SourceActDeps,
  name: string,
  summary: string,
  form: F,
  ask: (act: Act, fields: z.output<F>) => Promise<string>,
): Route {
  return {
    ...{ method: 'post', path: `${sourcesPath}/:source_id/${name}`, role: 'desk' },
    doc: { ...{ summary, form, params: sourceParams }, responses: { 303: goesBack, 404: notThere } },
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      const { source_id: source } = validate(sourceParams, request.params, 'path')
      const fields = await readForm(form, request)
      if (!(await deps.bounded(exists(deps.database, source)))) return noSource(session)
      const change = await ask({ deps, session, source, request }, fields)
      return goBack(`${sourcesPath}/${source}`, change, 'acts')
    },
  }
}

const isRow = z.object({ is: z.boolean() })

function exists(database: Database, source: number): Promise<boolean> {
  return database.oneFirst(sql.type(isRow)`SELECT EXISTS (SELECT FROM public.data_source WHERE id = ${source}) AS is`)
}

/** The company of the source with this id or name. Throws an HttpError with 422 where there is none, or more than one. */
async function findLinked({ database, bounded }: SourceActDeps, source: number, wanted: string): Promise<number> {
  const found = await bounded(
    database.any(sql.type(z.object({ id: z.int() }))`
      SELECT c.id FROM public.company c JOIN public.company_data_source l ON l.company_id = c.id
      WHERE l.data_source_id = ${source} AND (c.id::text = ${wanted} OR lower(btrim(c.name)) = lower(${wanted})) LIMIT 2`),
  )
  const [first] = found
  if (found.length === 1 && first) return first.id
  const problem =
    found.length === 0
      ? 'The source is not asked about a company of this name or id.'
      : 'Several companies have this name: give the id.'
  throw new HttpError(422, problem)
}

function planRoute({ database, bounded }: SourceActDeps): Route {
  return {
    ...{ method: 'get', path: `${sourcesPath}/:source_id/plan`, role: 'desk' },
    doc: {
      summary: 'Tries a plan of a source: when it would run. Changes nothing.',
      ...{ params: sourceParams, query: planQuery },
      responses: { 200: asPage('The page.'), 404: notThere },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const { source_id } = validate(sourceParams, request.params, 'path')
      const query = validate(planQuery, request.query, 'query')
      const isTried = Object.keys(given(request.query)).length > 0
      const [source, zone] = await Promise.all([
        orUnavailable(bounded(readDeskSource(database, source_id))),
        bounded(readZone(database, viewer, request.headers.cookie)),
      ])
      if (source === null) return noSource(viewer)
      const main = planMain({ source, query: isTried ? query : null, zone, now: Date.now() })
      return showPage({ viewer, title: `Plan of ${source.name.slice(0, 160)}`, main, desk: 'sources', zone })
    },
  }
}
