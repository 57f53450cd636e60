import { z } from 'zod'
import manifest from '../../../package.json' with { type: 'json' }
import { conditional, tagged, unchanged } from '../http/etag.ts'
import { errorBody } from '../http/http-error.ts'
import { answersProblemJson, problemBody, problemType } from '../http/problem.ts'
import { json } from '../http/response.ts'
import { invalid } from '../http/validation.ts'
import { pageType } from '../design/layout.ts'
import { roles, securitySchemes } from './describe-roles.ts'
import { answersPage, isTagged, type ResponseDoc, type Route } from './route.ts'
import { describeWebhooks, webhookSchemas } from './webhooks.ts'

type Json = Record<string, unknown>

const shared = new Map<z.ZodType, string>([
  [errorBody, 'Error'],
  [invalid, 'Invalid'],
  [problemBody, 'Problem'],
])

/** The routes and GET /openapi.json, which describes all of them, itself included (OpenAPI 3.1). */
export function withDocument(routes: readonly Route[]): Route[] {
  const all: Route[] = [
    ...routes,
    { method: 'get', path: '/openapi.json', role: 'anyone', doc, handle: () => json(200, document) },
  ]
  const document = describeRoutes(all)
  return all
}

const doc = {
  summary: 'This document.',
  responses: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
}

/** The OpenAPI 3.1 document of `routes`: https://spec.openapis.org/oas/v3.1.1.html */
export function describeRoutes(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {}
  const order = Object.keys(roles)
  for (const route of routes.toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role)))
    (paths[route.path.replaceAll(/:(\w+)/g, '{$1}')] ??= {})[route.method] = describeOperation(route)
  return {
    openapi: '3.1.1',
    info: {
      title: manifest.name,
      version: manifest.version,
      description:
        `${manifest.description}. A path that is not listed is 404. A method that is not listed is 405 with \`Allow\`. ` +
        'Unknown members of a body and unknown parameters of a query are ignored.',
      license: { name: manifest.license, identifier: manifest.license },
    },
    servers: [{ url: '/', description: 'The edge that serves this document.' }],
    tags: [
      ...Object.entries(roles).map(([name, { description }]) => ({ name, description })),
      { name: 'webhooks', description: 'What channels of type WEBHOOK receive.' },
    ],
    paths,
    webhooks: describeWebhooks(),
    components: {
      securitySchemes,
      schemas: Object.fromEntries(
        [...shared, ...webhookSchemas].map(([schema, name]) => [name, toSchema(schema, 'response')]),
      ),
    },
  }
}

function describeOperation(route: Route): Json {
  const { summary, query, params, headers, body, example, alternatives = {}, form } = route.doc
  const parameters = [
    ...describeParameters('path', params),
    ...describeParameters('query', query),
    ...describeParameters('header', headers ?? (isTagged(route) ? conditional : undefined)),
  ]
  return {
    operationId: `${route.method}${route.path.replaceAll(/\W+/g, '_').replace(/_$/, '')}`,
    summary,
    tags: [route.role],
    security: roles[route.role].security,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: toSchema(body, 'body'), ...(example !== undefined && { example }) },
          ...mapValues(alternatives, (text) => ({ schema: { type: 'string' }, example: text })),
        },
      },
    }),
    ...(form && {
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: toSchema(form, 'body') } },
      },
    }),
    responses: Object.fromEntries(
      Object.entries(responsesOf(route)).map(([status, response]) => [
        status,
        describeResponse(Number(status), Number(status) >= 400 ? asError(route, response) : response),
      ]),
    ),
  }
}

/** All responses of a route: its own, and those that come with its role and its input. */
function responsesOf(route: Route): ResponseDocs {
  const { method, role } = route
  const { query, params, headers, body, form, responses: own } = route.doc
  const isForPeople = role === 'person' || role === 'desk'
  const isPage = isForPeople || role === 'maybe-person'
  return {
    429: tooMany,
    500: { description: 'Unexpected error.', schema: z.string(), contentType: 'text/plain; charset=utf-8' },
    ...(isPage ? ofPages : role === 'anyone' ? {} : ofTokens),
    ...(isPage && method !== 'get' ? ofForms : {}),
    ...(isForPeople ? (method === 'get' ? ofPeople : ofSenders) : {}),
    ...(role === 'viewer' || role === 'operator' || role === 'desk' ? ofKeys : {}),
    ...((body ?? form) ? ofBodies : {}),
    ...((query ?? params ?? headers ?? body ?? form) ? ofInput : {}),
    ...(isTagged(route) ? withTags(own) : own),
  }
}

function withTags({ 200: found, ...others }: ResponseDocs): ResponseDocs {
  return found ? { ...others, 200: { ...found, headers: { ...tagged, ...found.headers } }, 304: unchanged } : others
}

type ResponseDocs = Record<number, ResponseDoc>

const unavailable: ResponseDoc = {
  description: 'Part of the system is temporarily unavailable. Send the request again.',
  headers: { 'retry-after': 'Seconds to wait.' },
}
const tooMany: ResponseDoc = {
  description: 'Too many requests within a minute, or too many bytes of one source within a day.',
  headers: {
    'retry-after': 'Seconds to wait.',
    'ratelimit-policy': 'The limit, and the seconds that it applies to.',
    'ratelimit-limit': 'The limit.',
    'ratelimit-remaining': 'Requests that are left.',
    'ratelimit-reset': 'Seconds until the full limit is available again.',
  },
}
const unreadable = { description: 'The token names no data source, or the body cannot be read.' }
const ofTokens: ResponseDocs = {
  400: unreadable,
  401: { description: 'The credentials are missing or invalid.' },
  503: unavailable,
}
const ofKeys: ResponseDocs = { 403: { description: 'The role of the API key or of the person is too low.' } }
const ofPages: ResponseDocs = { 503: unavailable }
const ofForms: ResponseDocs = { 403: { description: 'The request does not come from a page of this host.' } }
const ofPeople: ResponseDocs = {
  303: { description: 'Nobody has signed in.', headers: { location: 'Where people sign in.' } },
}
const ofSenders: ResponseDocs = {
  401: { description: 'Nobody has signed in, so nothing was changed. The page leads to signing in.' },
  409: { description: 'The form is of the page of somebody else who was signed in here, so nothing was changed.' },
}
const ofBodies: ResponseDocs = {
  400: unreadable,
  413: { description: 'The body is too large.' },
  415: { description: 'The content-encoding is not supported.' },
  503: unavailable,
}
const ofInput: ResponseDocs = {
  422: { description: 'The input is invalid. The body lists each mistake and its place.', schema: invalid },
}

function asError(route: Route, response: ResponseDoc): ResponseDoc {
  if (answersPage(route)) return { ...response, schema: page, contentType: pageType }
  return answersProblemJson(route.path) ? { ...response, schema: problemBody, contentType: problemType } : response
}

const page = z.string()

function describeResponse(
  status: number,
  { description, schema, contentType, alternative, headers }: ResponseDoc,
): Json {
  const body = schema ?? (status >= 400 ? errorBody : null)
  const name = body && shared.get(body)
  return {
    description,
    ...(headers && {
      headers: mapValues(headers, (meaning) => ({ description: meaning, schema: { type: 'string' } })),
    }),
    ...(body && {
      content: {
        [contentType ?? 'application/json']: {
          schema: name ? { $ref: `#/components/schemas/${name}` } : toSchema(body, 'response'),
        },
        ...(alternative && { [alternative]: { schema: { type: 'string' } } }),
      },
    }),
  }
}

function describeParameters(place: 'path' | 'query' | 'header', schema: z.ZodObject | undefined): Json[] {
  if (!schema) return []
  const { properties = {}, required = [] } = toSchema(schema, place)
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: one,
  }))
}

function toSchema(schema: z.ZodType, place: 'path' | 'query' | 'header' | 'body' | 'response') {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: place === 'response' ? 'output' : 'input',
    override({ zodSchema, jsonSchema }) {
      // zod leaves out the defaults of what it coerces.
      if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue
      // Everything in a URL is text, so the type of a number is just integer.
      if (Array.isArray(jsonSchema.type) && place !== 'body')
        delete Object.assign(jsonSchema, { type: 'integer' }).pattern
    },
  })
  return rest
}

function mapValues<A, B>(record: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
