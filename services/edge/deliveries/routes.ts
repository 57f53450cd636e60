import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { notice, withQuery } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { deliveriesMain, path } from './deliveries-page.ts'
import { deliveryMain, destinationMain, resendMain, whyNotAgain } from './delivery-page.ts'
import { deliveryFilters, readDeliveries, readDelivery, readParked } from './read-deliveries.ts'

export type DeliveryDeps = { database: Database; bounded: Bounded; changes: Changes }

/** Pages of what was told to whom. */
export function deliveryRoutes(deps: DeliveryDeps): Route[] {
  const [one, destination] = [`${path}/:delivery_id`, '/console/destinations/:destination_id']
  return [
    { method: 'get', path, role: 'desk', doc: docs.list, handle: showDeliveries(deps) },
    { method: 'get', path: one, role: 'desk', doc: docs.one, handle: showDelivery(deps) },
    { method: 'get', path: `${one}/resend`, role: 'desk', doc: docs.ask, handle: askToResend(deps) },
    { method: 'post', path: `${one}/resend`, role: 'desk', doc: docs.resend, handle: resend(deps) },
    { method: 'get', path: destination, role: 'desk', doc: docs.destination, handle: showDestination(deps) },
    { method: 'post', path: `${destination}/test`, role: 'desk', doc: docs.test, handle: testDestination(deps) },
    { method: 'post', path: `${destination}/unpark`, role: 'desk', doc: docs.unpark, handle: unpark(deps) },
  ]
}

/** A change that was just asked for, whose outcome the page says. */
const change = z.uuid().optional()
const listQuery = deliveryFilters.extend({ cursor: z.string().max(2000).optional(), change })
const deliveryParams = z.object({ delivery_id: id })
const destinationParams = z.object({ destination_id: id })
const changeQuery = z.object({ change })
const keyForm = z.object({ key: z.uuid().optional() })
const page = asPage('The page.')
const unknown = { description: 'There is none with this id.' }

const docs = {
  list: {
    summary: 'Messages with their state, and parked destinations.',
    query: listQuery,
    responses: { 200: page, 400: { description: 'The cursor is damaged, or belongs to other filters.' } },
  },
  one: {
    summary: 'A message with every attempt to deliver it.',
    ...{ params: deliveryParams, query: changeQuery, responses: { 200: page, 404: unknown } },
  },
  ask: {
    summary: 'Asks whether to send a message again.',
    ...{ params: deliveryParams, responses: { 200: page, 404: unknown } },
  },
  resend: {
    summary: 'Sends a message again.',
    ...{ params: deliveryParams, form: keyForm, responses: { 303: goesBack } },
  },
  destination: {
    summary: 'A parked destination, to be tested and unparked.',
    ...{ params: destinationParams, query: changeQuery, responses: { 200: page, 404: unknown } },
  },
  test: {
    summary: 'Sends a test message to a destination.',
    ...{ params: destinationParams, form: z.object({}), responses: { 303: goesBack } },
  },
  unpark: {
    summary: 'Sends to a parked destination again.',
    ...{ params: destinationParams, form: keyForm, responses: { 303: goesBack } },
  },
} satisfies Record<string, RouteDoc>

const pageSize = 50
const position = z.tuple([z.int().min(1)])

function showDeliveries({ database, bounded, changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { cursor, change, ...filters } = validate(listQuery, given(request.query), 'query')
    const asked: Asked = { route: path, parameters: filters }
    const before = cursor === undefined ? null : readCursor(position, asked, cursor)[0]
    const [found, parked, zone, said] = await Promise.all([
      orUnavailable(bounded(readDeliveries(database, filters, pageSize + 1, before))),
      orUnavailable(bounded(readParked(database))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    const { rows, next } = cutPage(asked, found, pageSize, ({ id }) => [id])
    const nextPage = next === null ? null : withQuery(path, { ...filters, cursor: next })
    const main = deliveriesMain({ filters, rows, parked, next: nextPage, said, zone })
    return showPage({ title: 'Deliveries', main, viewer, desk: 'deliveries', zone, width: 'wide' })
  }
}

function showDelivery({ database, bounded, changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { delivery_id } = validate(deliveryParams, request.params, 'path')
    const { change } = validate(changeQuery, given(request.query), 'query')
    const [found, zone, said] = await Promise.all([
      orUnavailable(bounded(readDelivery(database, delivery_id))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    if (found === null) return notFound(viewer, 'Message')
    const main = deliveryMain(found, said, zone)
    return showPage({ title: `Message ${delivery_id}`, main, viewer, desk: 'deliveries', zone, width: 'wide' })
  }
}

function askToResend({ database, bounded }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { delivery_id } = validate(deliveryParams, request.params, 'path')
    const [found, zone] = await Promise.all([
      orUnavailable(bounded(readDelivery(database, delivery_id))),
      bounded(readZone(database, viewer, request.headers.cookie)),
    ])
    if (found === null) return notFound(viewer, 'Message')
    const refusal = whyNotAgain(found.delivery)
    if (refusal !== null)
      return messagePage(200, 'It cannot be sent again', `Nothing was changed: ${refusal}.`, {
        viewer,
        next: { text: 'Back to the message', href: `${path}/${delivery_id}` },
      })
    const main = resendMain(found.delivery, zone, randomUUID())
    return showPage({ title: 'Send a message again', main, viewer, desk: 'deliveries', zone })
  }
}

function resend({ changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { delivery_id } = validate(deliveryParams, request.params, 'path')
    const { key } = await readForm(keyForm, request)
    const payload = { deliveries: [delivery_id] }
    const change = await askFor(changes, viewer, 'notifier.delivery.resend', payload, request, key)
    return goBack(`${path}/${delivery_id}`, change)
  }
}

function showDestination({ database, bounded, changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { destination_id } = validate(destinationParams, request.params, 'path')
    const { change } = validate(changeQuery, given(request.query), 'query')
    const [[parked], zone, said] = await Promise.all([
      orUnavailable(bounded(readParked(database, destination_id))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    if (parked === undefined && change === undefined) return notFound(viewer, 'Parked destination')
    const main =
      parked === undefined
        ? html`${said}${notice('good', 'This destination is open: messages are sent there.')}
<p><a class="button plain" href="${path}?destination=${destination_id}#log">Show its messages</a></p>`
        : destinationMain(parked, said, zone, randomUUID())
    return showPage({ title: 'Parked destination', main, viewer, desk: 'deliveries', zone })
  }
}

function testDestination({ changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { destination_id: destination } = validate(destinationParams, request.params, 'path')
    await readForm(z.object({}), request)
    const change = await askFor(changes, viewer, 'notifier.destination.test', { destination }, request)
    return goBack(`/console/destinations/${destination}`, change, 'test')
  }
}

function unpark({ changes }: DeliveryDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { destination_id: destination } = validate(destinationParams, request.params, 'path')
    const { key } = await readForm(keyForm, request)
    const change = await askFor(changes, viewer, 'notifier.destination.unpark', { destination }, request, key)
    return goBack(`/console/destinations/${destination}`, change)
  }
}

function notFound(viewer: Session, what: string): RouteResponse {
  return messagePage(404, `${what} not found`, 'There is none with this number, or it is not there any more.', {
    viewer,
    next: { text: 'Show all messages', href: path },
  })
}
