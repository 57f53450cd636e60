import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { given } from '../console/news-query.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { notice, withQuery } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import { decodeLetter, fetchLetter, headersOf } from '../letters/decode-letter.ts'
import { letterFilter, letterStates } from '../letters/filter.ts'
import { readIndexedAt } from '../letters/index-letters.ts'
import { readEditable } from '../letters/mend.ts'
import type { Letters } from '../letters/open-letters.ts'
import { countLetters, listLetters, listLetterSources, readLetter, readRelatives } from '../letters/read-letters.ts'
import { countFits, listRedrives, readRedrive } from '../letters/redrive.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { lettersApi } from './api.ts'
import { mendRoutes } from './mend-routes.ts'
import { actRoutes, letterParams, redriveParams } from './acts.ts'
import { letterMain } from './letter-page.ts'
import { lettersMain, lettersPath } from './letters-page.ts'
import { askDropMain, type AskedLetters, askReplayMain, redriveMain } from './redrive-pages.ts'
import { fieldsOfTopic } from './schema-fields.ts'

export type LetterPageDeps = {
  database: Database
  bounded: Bounded
  limited: Limited
  letters: Letters
  maxJsonDepth: number
}

const pageSize = 50

const listQuery = letterFilter.extend({
  state: z.enum(letterStates).default('open'),
  cursor: text(2000).optional(),
})
const saidQuery = z.object({ said: z.enum(['undone', 'stopped', 'nothing']).optional() })

const page = asPage('The page.')
const docs = {
  list: {
    summary: 'Dead letters: records that a service could not process.',
    query: listQuery,
    responses: { 200: page, 400: { description: 'The address of another page of the list.' } },
  },
  one: {
    summary: 'A dead letter: what was wrong, its record beside the schema, what was done with it.',
    params: letterParams,
    responses: { 200: page, 404: { description: 'There is none with this number any more.' } },
  },
  askReplay: {
    summary: 'Asks whether to replay the dead letters that fit.',
    query: letterFilter,
    responses: { 200: page },
  },
  askDrop: {
    summary: 'Asks whether to drop the dead letters that fit.',
    query: letterFilter,
    responses: { 200: page },
  },
  redrive: {
    summary: 'How far a replay or drop is.',
    params: redriveParams,
    query: saidQuery,
    responses: { 200: page, 404: { description: 'There is none with this id.' } },
  },
} satisfies Record<string, RouteDoc>

/** What services could not process, for operators: pages and API. */
export function letterRoutes(deps: LetterPageDeps): Route[] {
  const get = { method: 'get', role: 'desk' } as const
  return [
    { ...get, path: lettersPath, doc: docs.list, handle: showList(deps) },
    { ...get, path: `${lettersPath}/replay`, doc: docs.askReplay, handle: ask(deps, 'Replay', askReplayMain) },
    { ...get, path: `${lettersPath}/drop`, doc: docs.askDrop, handle: ask(deps, 'Drop', askDropMain) },
    { ...get, path: `${lettersPath}/redrives/:redrive_id`, doc: docs.redrive, handle: showRedrive(deps) },
    { ...get, path: `${lettersPath}/:letter_no`, doc: docs.one, handle: showLetter(deps) },
    ...mendRoutes(deps),
    ...actRoutes(deps),
    ...lettersApi(deps),
  ]
}

type Shown = { title: string; main: Html; zone?: string }

/** A page of the desk about dead letters. */
function show(session: Session, shown: Shown): RouteResponse {
  return showPage({ ...shown, viewer: session, desk: 'dead-letters', width: 'wide' })
}

function showList({ database, bounded, limited, letters: loops }: LetterPageDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { state, cursor, ...filter } = validate(listQuery, given(request.query), 'query')
    loops.refresh()
    const asked = { route: lettersPath, parameters: { ...filter, state } }
    // What can be chosen does not depend on what is chosen of it.
    const { topic: _, service: __, reason: ___, ...others } = filter
    const view = await orUnavailable(
      bounded(
        limited(async () => {
          const [{ letters, next }, counts, groups, sources, redrives, indexedAt] = await Promise.all([
            listLetters(database, asked, { filter, state, limit: pageSize, cursor }),
            countLetters(database, filter, state),
            countLetters(database, others, state),
            listLetterSources(database),
            listRedrives(database),
            readIndexedAt(database),
          ])
          const count = counts.reduce((sum, group) => sum + group.letters, 0)
          return { letters, next, groups, sources, redrives, indexedAt, count }
        }),
      ),
    )
    const zone = await bounded(readZone(database, session, request.headers.cookie))
    const next = view.next === null ? null : withQuery(lettersPath, { ...filter, state, cursor: view.next })
    return show(session, { title: 'Dead letters', main: lettersMain({ ...view, next, filter, state, zone }), zone })
  }
}

function ask({ database, bounded }: LetterPageDeps, title: string, main: (asked: AskedLetters) => Html) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const filter = validate(letterFilter, given(request.query), 'query')
    const { letters, left_alone, newest } = await orUnavailable(bounded(countFits(database, filter, title === 'Drop')))
    return show(session, { title, main: main({ filter, letters, leftAlone: left_alone, newest, key: randomUUID() }) })
  }
}

function showLetter({ database, bounded, letters: loops }: LetterPageDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { letter_no } = validate(letterParams, request.params, 'path')
    const [letter, relatives, zone] = await Promise.all([
      orUnavailable(bounded(readLetter(database, letter_no))),
      orUnavailable(bounded(readRelatives(database, letter_no))),
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    if (letter === null)
      return gone(
        session,
        'Dead letter not found',
        'Its topic keeps it for 30 days, and there is none with this number.',
      )
    const read = await bounded(fetchLetter(loops.reading, letter))
    const record = read && {
      headers: headersOf(read.record),
      value: await decodeLetter(loops.reading, read),
      fields: fieldsOfTopic(read.of.source),
    }
    const editable = await readEditable(loops.reading, letter, read)
    const whyNotMend = 'why' in editable ? editable.why : null
    const main = letterMain({ letter, relatives, record, whyNotMend, key: randomUUID(), zone })
    return show(session, { title: `Dead letter ${letter_no}`, main, zone })
  }
}

const saidTexts = {
  undone: 'They are open again.',
  stopped: 'It is stopped: what was not sent yet is open.',
  nothing: 'There was nothing to do any more.',
}

function showRedrive({ database, bounded }: LetterPageDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { redrive_id } = validate(redriveParams, request.params, 'path')
    const { said } = validate(saidQuery, given(request.query), 'query')
    const redrive = await orUnavailable(bounded(readRedrive(database, redrive_id)))
    if (redrive === null) return gone(session, 'Replay not found', 'There is no replay or drop with this id.')
    const zone = await bounded(readZone(database, session, request.headers.cookie))
    const main = html`${said && notice('good', saidTexts[said])}${redriveMain({ redrive, key: randomUUID(), zone })}`
    return show(session, {
      title: redrive.kind === 'drop' ? 'Drop of dead letters' : 'Replay of dead letters',
      main,
      zone,
    })
  }
}

function gone(viewer: Session, title: string, said: string): RouteResponse {
  return messagePage(404, title, said, { viewer, next: { text: 'All dead letters', href: lettersPath } })
}
