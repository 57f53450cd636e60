import { z } from 'zod'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { frequencies } from '../catalog/add-source.ts'
import { editSource, readSourceFields, type SourceFields } from '../catalog/edit-source.ts'
import { actorOf } from '../changes/changes.ts'
import { goesBack, notThere } from '../console/changes.ts'
import { checkbox, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, showPage } from '../design/layout.ts'
import { notice } from '../design/parts.ts'
import type { HandshakeDeps } from '../handshake/handshake.ts'
import { readForm } from '../http/form.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { addressProblem, gone, path } from './source-form.ts'

const params = z.object({ source_id: id })

const editForm = z.object({
  endpoint: text(1000),
  frequency: z.enum(frequencies),
  max_run_seconds: lenient(z.int32().min(1)),
  description: text(2000).default(''),
  active: z.enum(['on']).optional(),
  seen: z
    .string()
    .max(20_000)
    .describe('What the form showed: what somebody else has changed since is not overwritten.'),
})

/** Changing what operators set of a source. Its name stays: its payloads, its map and its documents have it. */
export function editSourceRoutes(deps: HandshakeDeps): Route[] {
  const { database, bounded } = deps
  const route = { path: `${path}/:source_id/edit`, role: 'desk' as const }
  return [
    {
      ...{ ...route, method: 'get' },
      doc: {
        ...{ summary: 'Asks what to change of a source.', params },
        responses: { 200: asPage('The page.'), 404: notThere },
      },
      async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
        const { source_id } = validate(params, request.params, 'path')
        const fields = await bounded(readSourceFields(database, source_id))
        return fields === null ? gone(viewer) : showForm(viewer, source_id, fields, fields)
      },
    },
    {
      ...{ ...route, method: 'post' },
      doc: {
        ...{ summary: 'Changes a source.', params, form: editForm },
        responses: {
          303: goesBack,
          404: notThere,
          409: asPage('The form as the source is now: somebody else has changed it.'),
          422: asPage('The form with what is wrong.'),
        },
      },
      handle: changeSource(deps),
    },
  ]
}

function changeSource({ database, bounded }: HandshakeDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { source_id } = validate(params, request.params, 'path')
    const { seen, active, ...typed } = await readForm(editForm, request)
    const problem = addressProblem(typed.endpoint)
    const wanted = { ...typed, endpoint: typed.endpoint.trim(), active: active === 'on' }
    const now = await bounded(
      database.transaction(async (tx) => {
        const fields = await readSourceFields(tx, source_id)
        if (fields === null || problem !== null || revisionOf(fields) !== seen) return fields
        const { max_run_seconds: maxRunSeconds, ...others } = wanted
        await editSource(tx, source_id, { ...others, maxRunSeconds }, actorOf(viewer).name)
        return 'done'
      }),
    )
    if (now === null) return gone(viewer)
    if (now === 'done') return redirect(`${path}/${source_id}#acts`)
    if (problem !== null) return showForm(viewer, source_id, now, { ...now, ...wanted }, { problem, status: 422, seen })
    const changed =
      'Somebody has changed it since you opened the form. This is how it is now; nothing of yours was saved.'
    return showForm(viewer, source_id, now, now, { problem: changed, status: 409 })
  }
}

/** What a form shows of a source, as one text: another one means that somebody has changed it. */
const revisionOf = ({ endpoint, frequency, max_run_seconds, description, active }: SourceFields) =>
  JSON.stringify([endpoint, frequency, max_run_seconds, description, active])

function showForm(
  viewer: Session,
  id: number,
  source: SourceFields,
  typed: SourceFields,
  { problem, status = 200, seen = revisionOf(source) }: { problem?: string; status?: number; seen?: string } = {},
): RouteResponse {
  const main = html`${problem !== undefined && notice('bad', problem)}${form(id, typed, seen)}
<p><a href="${path}/${id}">Back to the source</a></p>`
  return showPage({ viewer, title: `Change ${source.name.slice(0, 160)}`, main, desk: 'sources', status })
}

function form(id: number, typed: SourceFields, seen: string): Html {
  const { endpoint, frequency, max_run_seconds, description, active } = typed
  const rhythms = frequencies.map((one) => ({ value: one, text: one }))
  return postForm(
    `${path}/${id}/edit`,
    html`${input('text', 'endpoint', 'Address of the module', endpoint, { required: true, maxlength: 1000 })}
${choice('frequency', 'Runs', rhythms, frequency)}
${input('number', 'max_run_seconds', 'Longest run, in seconds', String(max_run_seconds), { required: true })}
${input('text', 'description', 'What it is', description, { maxlength: 2000 })}
${checkbox('active', 'It is on: it runs by its plan', active)}`,
    'Change it',
    { seen },
  )
}
