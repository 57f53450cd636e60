import { crmCompanies, type CrmDeps, crmDoc } from './catalog/crm.ts'
import { notificationRules, notificationRulesDoc } from './catalog/seed-rules.ts'
import { schedule, scheduleDoc, type TriggerDeps, weeklyReports, weeklyReportsDoc } from './intake/triggers.ts'
import type { Route } from './server/route.ts'

export type CompatibilityDeps = TriggerDeps & CrmDeps

/**
 * The routes that parma-web and Cloud Scheduler call without a token. Anyone can call them any number of times: each
 * does its work once, and stores nothing that the caller sends. COMPATIBILITY_ROUTES=false removes them, and serves
 * handshakes with a token only.
 */
export function compatibilityRoutes(deps: CompatibilityDeps): Route[] {
  const role = 'anyone'
  return [
    { method: 'get', path: '/schedule', role, doc: scheduleDoc, handle: schedule(deps) },
    { method: 'get', path: '/weekly-reports', role, doc: weeklyReportsDoc, handle: weeklyReports(deps) },
    {
      method: 'get',
      path: '/notification-rules',
      role,
      doc: notificationRulesDoc,
      handle: notificationRules(deps),
    },
    { method: 'post', path: '/crm-companies', role, doc: crmDoc, handle: crmCompanies(deps) },
  ]
}
