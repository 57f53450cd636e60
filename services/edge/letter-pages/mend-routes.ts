import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { actorOf } from '../changes/changes.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import { fetchLetter } from '../letters/decode-letter.ts'
import { keepMended, readEditable } from '../letters/mend.ts'
import { MendError } from '../letters/mendable.ts'
import type { Letters } from '../letters/open-letters.ts'
import { readLetter } from '../letters/read-letters.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { letterParams } from './acts.ts'
import { lettersPath } from './letters-page.ts'
import { mendMain } from './mend-page.ts'

/** Browsers send line ends as CR LF. */
const mendForm = z.object({
  edited: text(60_000).transform((edited) => edited.replaceAll('\r\n', '\n')),
  why: text(500).min(1),
})

type MendDeps = { database: Database; bounded: Bounded; letters: Letters }

/** Editing the record of a dead letter, which is then sent as a new one. */
export function mendRoutes(deps: MendDeps): Route[] {
  const path = `${lettersPath}/mend/:letter_no`
  const conflict = {
    409: asPage('It cannot be mended, or not any more.'),
    404: asPage('There is no such dead letter.'),
  }
  return [
    {
      ...{ method: 'get', path, role: 'desk' },
      doc: {
        summary: 'Shows the record of a dead letter to edit it.',
        params: letterParams,
        responses: { 200: asPage('The page.'), ...conflict },
      },
      handle: (request: RouteRequest, session: Session) => mend(deps, request, session, null),
    },
    {
      ...{ method: 'post', path, role: 'desk' },
      doc: {
        summary: 'Sends an edited record in place of the one that failed.',
        params: letterParams,
        form: mendForm,
        responses: {
          200: asPage('What is wrong with it.'),
          303: { description: 'Kept, and sent.', headers: { location: 'The dead letter.' } },
          ...conflict,
        },
      },
      handle: async (request: RouteRequest, session: Session) =>
        mend(deps, request, session, await readForm(mendForm, request)),
    },
  ]
}

async function mend(
  { database, bounded, letters }: MendDeps,
  request: RouteRequest,
  session: Session,
  form: z.output<typeof mendForm> | null,
): Promise<RouteResponse> {
  const { letter_no } = validate(letterParams, request.params, 'path')
  const back = `${lettersPath}/${letter_no}`
  const refuse = (status: number, said: string) =>
    messagePage(status, 'Not mended', said, {
      viewer: session,
      next: { text: 'Back', href: status === 404 ? lettersPath : back },
    })
  const letter = await orUnavailable(bounded(readLetter(database, letter_no)))
  if (letter === null) return refuse(404, 'There is no dead letter with this number any more.')
  if (letter.state !== 'open' || letter.in_work) return refuse(409, 'Somebody has handled it since. Nothing was sent.')
  const read = await bounded(fetchLetter(letters.reading, letter))
  const editable = await readEditable(letters.reading, letter, read)
  if ('why' in editable || read === null)
    return refuse(409, `It cannot be mended: ${'why' in editable ? editable.why : ''}`)
  const show = (edited: string, why: string, fault: string | null) => {
    const main = mendMain({ letter, text: edited, why, fault })
    return showPage({
      title: `Mend dead letter ${letter_no}`,
      main,
      viewer: session,
      desk: 'dead-letters',
      width: 'wide',
    })
  }
  if (form === null) return show(editable.text, '', null)
  try {
    const { edited, why } = form
    const asked = { edited, actor: actorOf(session).name, reason: why, now: Date.now() }
    if (!(await bounded(keepMended(letters.reading, letter, read, asked))))
      return refuse(409, 'Somebody has handled it since. Nothing was sent.')
  } catch (error) {
    if (error instanceof MendError) return show(form.edited, form.why, error.message)
    throw error
  }
  letters.work()
  return redirect(back)
}
