import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { actorOf } from '../changes/changes.ts'
import { given } from '../console/news-query.ts'
import type { Bounded } from '../http/deadline.ts'
import { readFields } from '../http/form.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import { letterFilter } from '../letters/filter.ts'
import type { Letters } from '../letters/open-letters.ts'
import { beginReplay, dropLetters, replayPerSecond, stopReplay, undoDrop } from '../letters/redrive.ts'
import { idOf } from '../publish/identify.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { lettersPath } from './letters-page.ts'

export const letterParams = z.object({ letter_no: lenient(z.int32().min(1)) })
export const redriveParams = z.object({ redrive_id: z.guid() })

/** `key` is of the form: sent twice, it acts once. */
const replayForm = letterFilter.extend({ key: z.uuid(), why: text(500).optional() })
const dropForm = letterFilter.extend({ key: z.uuid(), why: text(500).min(1) })
const keyForm = z.object({ key: z.uuid().optional() })

type ActDeps = { database: Database; bounded: Bounded; letters: Letters }

/** What operators do with dead letters. */
export function actRoutes(deps: ActDeps): Route[] {
  const leads = { 303: { description: 'Begun.', headers: { location: 'The page that says how far it is.' } } }
  const post = { method: 'post', role: 'desk' } as const
  const one = `${lettersPath}/redrives/:redrive_id`
  return [
    {
      ...{ ...post, path: `${lettersPath}/replay` },
      doc: { summary: 'Replays all open dead letters that fit, each once.', form: replayForm, responses: leads },
      handle: replay(deps),
    },
    {
      ...{ ...post, path: `${lettersPath}/drop` },
      doc: { summary: 'Drops all open dead letters that fit.', form: dropForm, responses: leads },
      handle: drop(deps),
    },
    {
      ...{ ...post, path: `${one}/stop` },
      doc: { summary: 'Stops a replay.', params: redriveParams, form: keyForm, responses: leads },
      handle: settle(deps, async (id, actor) => ((await stopReplay(deps.database, id, actor)) ? 'stopped' : 'nothing')),
    },
    {
      ...{ ...post, path: `${one}/undo` },
      doc: {
        summary: 'Opens dead letters again that a drop has taken.',
        params: redriveParams,
        form: keyForm,
        responses: leads,
      },
      handle: settle(deps, async (id, actor) =>
        (await undoDrop(deps.database, id, actor)) > 0 ? 'undone' : 'nothing',
      ),
    },
  ]
}

/** Fields that are empty are as if they were not sent. */
async function readGiven<S extends z.ZodType>(schema: S, request: RouteRequest): Promise<z.output<S>> {
  return validate(schema, given(Object.fromEntries(await readFields(request))), 'body')
}

function replay({ database, bounded, letters }: ActDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { key, why, ...filter } = await readGiven(replayForm, request)
    const { name: actor } = actorOf(session)
    const id = idOf('redrive', actor, key)
    const asked = { id, filter, actor, reason: why, perSecond: replayPerSecond, lease: null }
    await orUnavailable(bounded(beginReplay(database, asked)))
    letters.work()
    return redirect(`${lettersPath}/redrives/${id}`)
  }
}

function drop({ database, bounded }: ActDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { key, why, ...filter } = await readGiven(dropForm, request)
    const { name: actor } = actorOf(session)
    const id = idOf('redrive', actor, key)
    await orUnavailable(bounded(dropLetters(database, { id, filter, actor, reason: why })))
    return redirect(`${lettersPath}/redrives/${id}`)
  }
}

function settle({ bounded }: ActDeps, work: (id: string, actor: string) => Promise<'stopped' | 'undone' | 'nothing'>) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { redrive_id } = validate(redriveParams, request.params, 'path')
    await readGiven(keyForm, request)
    const said = await bounded(work(redrive_id.toLowerCase(), actorOf(session).name))
    return redirect(`${lettersPath}/redrives/${redrive_id}?said=${said}#main`)
  }
}
