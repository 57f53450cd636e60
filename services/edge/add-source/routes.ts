import { z } from 'zod'
import { sql } from '#runtime/postgres/database.ts'
import { isLegalName, type Source } from '../access/sources.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { addSource, frequencies } from '../catalog/add-source.ts'
import { actorOf } from '../changes/changes.ts'
import { goesBack, notThere } from '../console/changes.ts'
import { checkbox, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { notice } from '../design/parts.ts'
import { type HandshakeDeps, shakeHands } from '../handshake/handshake.ts'
import { readForm } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { companyRoutes } from './company-routes.ts'
import { editSourceRoutes } from './edit-routes.ts'
import { addressProblem, gone, path } from './source-form.ts'

const params = z.object({ source_id: id })

const addForm = z.object({
  name: text(200),
  endpoint: text(1000),
  frequency: z.enum(frequencies),
  max_run_seconds: lenient(z.int32().min(1)).default(300),
  description: text(2000).default(''),
  all_companies: z.enum(['on']).optional(),
})

type Fields = Partial<z.output<typeof addForm>>

/** Adding a source, one step at a time: its address, the handshake with its module, its companies. And changing one. */
export function addSourceRoutes(deps: HandshakeDeps): Route[] {
  return [newRoute(), addRoute(deps), handshakeRoute(deps), ...companyRoutes(deps), ...editSourceRoutes(deps)]
}

function newRoute(): Route {
  return {
    ...{ method: 'get', path: `${path}/new`, role: 'desk' },
    doc: { summary: 'Asks for the address of a new source.', responses: { 200: asPage('The page.') } },
    handle: (_: RouteRequest, viewer: Session): RouteResponse => showNew(viewer, {}, null),
  }
}

function showNew(viewer: Session, fields: Fields, problem: string | null): RouteResponse {
  const main = html`${problem !== null && notice('bad', problem)}${newForm(fields)}`
  return showPage({ viewer, title: 'Add a source', main, desk: 'sources', status: problem === null ? 200 : 422 })
}

function newForm({ name, endpoint, frequency, max_run_seconds, description }: Fields): Html {
  const rhythms = frequencies.map((one) => ({ value: one, text: one }))
  return html`<p>A source is a mining module that sends what it finds about companies. After this its module is asked what it measures: the handshake.</p>
${postForm(
  path,
  html`${input('text', 'name', 'Name', name, { required: true, maxlength: 200, hint: 'As its module calls it: a-z, 0-9, _ and -.' })}
${input('text', 'endpoint', 'Address of the module', endpoint, { required: true, maxlength: 1000, hint: 'Such as https://module.example.' })}
${choice('frequency', 'Runs', rhythms, frequency ?? 'daily')}
${input('number', 'max_run_seconds', 'Longest run, in seconds', String(max_run_seconds ?? 300), { required: true })}
${input('text', 'description', 'What it is', description, { maxlength: 2000 })}
${checkbox('all_companies', 'Ask it about every company that exists now', true)}`,
  'Add it',
)}`
}

function addRoute({ database, bounded }: HandshakeDeps): Route {
  return {
    ...{ method: 'post', path, role: 'desk' },
    doc: {
      ...{ summary: 'Adds a source.', form: addForm },
      responses: { 303: goesBack, 422: asPage('The form with what is wrong.') },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const fields = await readForm(addForm, request)
      const { name, endpoint, frequency, max_run_seconds: maxRunSeconds, description, all_companies } = fields
      const problem = problemOf(name, endpoint)
      if (problem !== null) return showNew(viewer, fields, problem)
      const source = {
        ...{ name, endpoint: endpoint.trim(), frequency, maxRunSeconds, isActive: true },
        ...{ description: description === '' ? null : description, allCompanies: all_companies === 'on' },
      }
      const { id, added } = await bounded(database.transaction((tx) => addSource(tx, source, actorOf(viewer).name)))
      if (!added) return showNew(viewer, fields, `Source ${id} has this name already. Names are unique.`)
      return redirect(`${path}/${id}#acts`)
    },
  }
}

function problemOf(name: string, endpoint: string): string | null {
  if (!isLegalName(name)) return 'A name has only a-z, 0-9, _ and -, and is not like __this__.'
  return addressProblem(endpoint)
}

function handshakeRoute(deps: HandshakeDeps): Route {
  return {
    ...{ method: 'post', path: `${path}/:source_id/handshake`, role: 'desk' },
    doc: {
      ...{ summary: 'Asks the module of a source what it measures.', params, form: z.object({}) },
      responses: { 200: asPage('What it said.'), 404: notThere, 502: { description: 'Its answer is unusable.' } },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const { source_id } = validate(params, request.params, 'path')
      await readForm(z.object({}), request)
      const source = await deps.sources.read(source_id)
      if (source === null) return gone(viewer)
      const next = { text: 'Go on to the source', href: `${path}/${source_id}#acts` }
      try {
        const shaken = await shakeHands(deps)(source, actorOf(viewer).name, request)
        if (shaken.isWaiting) {
          const maps = { text: 'See what it would lose', href: `${path}/${source_id}/maps` }
          return messagePage(200, 'The map waits for a yes', lossText, { viewer, next: maps })
        }
        const text = said(source, shaken, await countMeasurements(deps, source_id))
        return messagePage(200, 'The handshake is done', text, { viewer, next })
      } catch (error) {
        // What is wrong with the answer of a module is for whoever asked.
        if (!(error instanceof HttpError && error.status === 502)) throw error
        const text = `${error.message} Nothing was changed.`
        return messagePage(502, 'The handshake failed', text, { viewer, next })
      }
    },
  }
}

const lossText =
  'The module answered with a map that loses measurements with history. The map in force stays until somebody says yes.'

type Shaken = { version: number; frequency: string }

const said = ({ name }: Source, { version, frequency }: Shaken, measurements: number) =>
  `The module of ${name} has registered ${measurements} ${measurements === 1 ? 'measurement' : 'measurements'}. Version ${version} of its map is stored. It says that it has new data ${frequency}.`

const countRow = z.object({ count: z.int() })

function countMeasurements({ database, bounded }: HandshakeDeps, source: number): Promise<number> {
  return bounded(
    database.oneFirst(sql.type(countRow)`
      SELECT count(*)::int AS count FROM public.source_measurement WHERE source_module_id = ${source}`),
  )
}
