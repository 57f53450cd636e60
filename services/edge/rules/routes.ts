import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import { actorOf, type Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { sayOutcome } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { type Audience, readAudience, readPublished, readRules, readTrial } from './read-rules.ts'
import { ruleForm, ruleFormMain, type RuleFields, toDefinition } from './rule-form.ts'
import { addressOf, path, ruleMain, rulesMain, trialMain } from './rules-page.ts'

export type RuleDeps = { database: Database; bounded: Bounded; changes: Changes }

/** Pages of the rules that make news items. */
export function ruleRoutes(deps: RuleDeps): Route[] {
  const one = `${path}/:rule_no`
  return [
    { method: 'get', path, role: 'desk', doc: docs.list, handle: showRules(deps) },
    { method: 'post', path, role: 'desk', doc: docs.write, handle: writeRule(deps) },
    { method: 'get', path: `${path}/new`, role: 'desk', doc: docs.fresh, handle: showNew },
    { method: 'get', path: `${path}/trial`, role: 'desk', doc: docs.trial, handle: showTrial(deps) },
    { method: 'get', path: one, role: 'desk', doc: docs.one, handle: showRule(deps) },
    { method: 'post', path: `${one}/switch`, role: 'desk', doc: docs.turn, handle: switchRule(deps) },
    { method: 'post', path: `${one}/exclude`, role: 'desk', doc: docs.exclude, handle: exclude(deps) },
  ]
}

const changeQuery = z.object({ change: z.uuid().optional() })
const trialQuery = z.object({ change: z.uuid().describe('The trial that was asked for.') })
const ruleParams = z.object({ rule_no: id })
const switchForm = z.object({ version: id, enabled: z.enum(['true', 'false']) })
const optionalId = z.union([z.literal('').transform(() => undefined), id]).optional()
const excludeForm = z.object({ version: id, company: optionalId, bucket: optionalId, source: optionalId })
const page = asPage('The page.')
const unknown = { description: 'There is none with this number.' }
const refused = { ...page, description: 'It was refused, with the reason and what was typed.' }

const docs = {
  list: { summary: 'The rules, with what each told lately.', query: changeQuery, responses: { 200: page } },
  fresh: { summary: 'The form of a new rule.', responses: { 200: page } },
  write: {
    summary: 'Tries a rule on 12 months, or saves it.',
    ...{ form: ruleForm, responses: { 303: goesBack, 422: refused } },
  },
  trial: {
    summary: 'What a rule would have told in 12 months, and whom.',
    ...{ query: trialQuery, responses: { 200: page, 404: unknown } },
  },
  one: {
    summary: 'A rule with its form.',
    ...{ params: ruleParams, query: changeQuery, responses: { 200: page, 404: unknown } },
  },
  turn: {
    summary: 'Switches a rule on or off.',
    ...{ params: ruleParams, form: switchForm, responses: { 303: goesBack } },
  },
  exclude: {
    summary: 'Switches a rule off for a company, a bucket or a source.',
    ...{ params: ruleParams, form: excludeForm, responses: { 303: goesBack, 422: refused } },
  },
} satisfies Record<string, RouteDoc>

function show(viewer: Session, title: string, main: Html, more: { zone?: string; status?: number } = {}) {
  return showPage({ title, main, viewer, desk: 'rules', width: 'wide', ...more })
}

function showRules({ database, bounded, changes }: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { change } = validate(changeQuery, given(request.query), 'query')
    const [rules, published, zone, said] = await Promise.all([
      orUnavailable(bounded(readRules(database))),
      orUnavailable(bounded(readPublished(database))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    return show(viewer, 'Rules', rulesMain({ rules, published, said, zone }), { zone })
  }
}

function showNew(_: RouteRequest, viewer: Session): RouteResponse {
  return show(viewer, 'New rule', ruleFormMain({}, {}))
}

function writeRule({ changes }: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const typed = await readForm(ruleForm, request)
    const isKnown = typed.rule && typed.version
    const seen = isKnown ? { rule: typed.rule!, version: Number(typed.version) } : {}
    const payload = { ...seen, definition: toDefinition(typed) }
    const kind = typed.do === 'try' ? 'analyzer.rule.rehearse' : 'analyzer.rule.save'
    const change = await askFor(changes, viewer, kind, payload, request)
    const outcome = await changes.waitForOutcome(change, 0)
    if (outcome?.state === 'refused') return showRefused(viewer, typed, outcome.message)
    return goBack(typed.do === 'try' ? `${path}/trial` : isKnown ? addressOf(typed.rule!) : path, change)
  }
}

/** What was typed is still there, so that nothing is lost. */
function showRefused(viewer: Session, { rule, version, ...typed }: RuleFields, message: string): RouteResponse {
  const known = rule
    ? html`<p><a href="${addressOf(rule)}">Open the rule as it is now</a>. What you typed stands here.</p>`
    : null
  const main = html`${sayOutcome('bad', message)}${known}${ruleFormMain(typed, { rule, version })}`
  return show(viewer, 'The rule was not saved', main, { status: 422 })
}

function showTrial(deps: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { change } = validate(trialQuery, request.query, 'query')
    const { database, bounded, changes } = deps
    const [trial, zone, said] = await Promise.all([
      orUnavailable(bounded(readTrial(database, change))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    if (trial === null) {
      const main = html`${said}<p>A trial takes some seconds, and is kept for a day.</p>
<p><a class="button" href="${path}/trial?change=${change}">Look again</a></p>`
      return show(viewer, 'Trial of a rule', main)
    }
    const audience = await askAudience(deps, viewer, change, request)
    return show(viewer, 'Trial of a rule', trialMain({ trial, audience, said, zone }), { zone })
  }
}

/** Asks the notifier who would have got messages. Whoever opens the page again has the same answer. */
async function askAudience(
  { database, bounded, changes }: RuleDeps,
  viewer: Session,
  trial: string,
  { traceparent }: RouteRequest,
): Promise<Audience | string> {
  const options = { idempotencyKey: `audience ${trial}`, traceparent }
  const asked = await changes.sendChange(actorOf(viewer), 'notifier.audience.try', { trial }, options)
  const outcome = await changes.waitForOutcome(asked, patienceMs)
  if (outcome?.state === 'refused') return outcome.message
  const found = outcome && (await orUnavailable(bounded(readAudience(database, asked))))
  return found ?? 'This takes a moment. Reload the page to see it.'
}

const patienceMs = 3000

function showRule({ database, bounded, changes }: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { rule_no } = validate(ruleParams, request.params, 'path')
    const { change } = validate(changeQuery, given(request.query), 'query')
    const [[rule], zone, said] = await Promise.all([
      orUnavailable(bounded(readRules(database, `rule/${rule_no}`))),
      bounded(readZone(database, viewer, request.headers.cookie)),
      readNotice(changes, viewer, change),
    ])
    if (rule === undefined)
      return messagePage(404, 'Rule not found', 'There is no rule with this number.', {
        viewer,
        next: { text: 'Show all rules', href: path },
      })
    return show(viewer, (rule.definition.name || rule.rule_id).slice(0, 200), ruleMain(rule, said, zone), { zone })
  }
}

function switchRule({ changes }: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { rule_no } = validate(ruleParams, request.params, 'path')
    const { version, enabled } = await readForm(switchForm, request)
    const payload = { rule: `rule/${rule_no}`, version, enabled: enabled === 'true' }
    const change = await askFor(changes, viewer, 'analyzer.rule.switch', payload, request)
    return goBack(`${path}/${rule_no}`, change, 'switch')
  }
}

function exclude({ changes }: RuleDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { rule_no } = validate(ruleParams, request.params, 'path')
    const { version, ...where } = await readForm(excludeForm, request)
    const named = Object.entries(where).filter(([, value]) => value !== undefined)
    if (named.length !== 1)
      return messagePage(
        422,
        'Where is it off?',
        'Nothing was changed. Give a company, a bucket or a source: one of them.',
        {
          viewer,
          next: { text: 'Go back', href: `${path}/${rule_no}#exclude` },
        },
      )
    const payload = { rule: `rule/${rule_no}`, version, ...Object.fromEntries(named) }
    const change = await askFor(changes, viewer, 'analyzer.rule.exclude', payload, request)
    return goBack(`${path}/${rule_no}`, change, 'exclude')
  }
}
