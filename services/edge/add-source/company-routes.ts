import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { addMissingCompanies } from '../catalog/companies.ts'
import { linkMissing } from '../catalog/source-links.ts'
import { actorOf } from '../changes/changes.ts'
import { goesBack, notThere } from '../console/changes.ts'
import type { HandshakeDeps } from '../handshake/handshake.ts'
import { readForm } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { gone, path } from './source-form.ts'

const params = z.object({ source_id: id })
const namesForm = z.object({ names: text(10_000).describe('Separated by commas.') })

/** What a source is asked about: companies that there are, and new ones. */
export function companyRoutes(deps: HandshakeDeps): Route[] {
  return [linkRoute(deps), addRoute(deps)]
}

function linkRoute({ database, bounded, sources }: HandshakeDeps): Route {
  return {
    ...{ method: 'post', path: `${path}/:source_id/link`, role: 'desk' },
    doc: {
      ...{ summary: 'Links a source with every company.', params, form: z.object({}) },
      responses: { 303: goesBack, 404: notThere },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const { source_id: sourceId } = validate(params, request.params, 'path')
      await readForm(z.object({}), request)
      if ((await sources.read(sourceId)) === null) return gone(viewer)
      const audited = { actor: actorOf(viewer).name, kind: 'edge.source.link', subject: `source:${sourceId}` }
      await bounded(
        database.transaction(async (tx) => {
          if (await linkMissing(tx, { sourceId }))
            await writeAudit(tx, 'edge', { ...audited, before: null, after: 'all companies' })
        }),
      )
      return redirect(`${path}/${sourceId}#acts`)
    },
  }
}

function addRoute({ database, bounded, sources }: HandshakeDeps): Route {
  return {
    ...{ method: 'post', path: `${path}/:source_id/companies`, role: 'desk' },
    doc: {
      ...{ summary: 'Adds companies. Every source is asked about them.', params, form: namesForm },
      responses: { 303: goesBack, 404: notThere, 422: { description: 'No new name was given.' } },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const { source_id: sourceId } = validate(params, request.params, 'path')
      const { names } = await readForm(namesForm, request)
      const wanted = names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
      if ((await sources.read(sourceId)) === null) return gone(viewer)
      const audited = { actor: actorOf(viewer).name, kind: 'edge.company.add', before: null }
      const added = await bounded(
        database.transaction(async (tx) => {
          const companies = await addMissingCompanies(tx, wanted)
          for (const { id, name } of companies)
            await writeAudit(tx, 'edge', { ...audited, subject: `company:${id}`, after: { name } })
          return companies.length
        }),
      )
      if (added === 0) throw new HttpError(422, 'Nothing was added: give a name that no company has yet.')
      return redirect(`${path}/${sourceId}#acts`)
    },
  }
}
