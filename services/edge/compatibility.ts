import { crmCompanies, type CrmDeps, crmDoc } from './catalog/crm.ts'
import { notificationRules, notificationRulesDoc } from './catalog/seed-rules.ts'
import { schedule, scheduleDoc, type TriggerDeps, weeklyReports, weeklyReportsDoc } from './intake/triggers.ts'
import type { Route } from './server/route.ts'

export type CompatibilityDeps = TriggerDeps & CrmDeps

/**
 * What parma-web and Cloud Scheduler call without a token. Each can be called any number of times by anybody: what it
 * does is done once, and it takes nothing over from the caller that is not here already. COMPATIBILITY_ROUTES=false
 * leaves them out, and serves handshakes with a token only.
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
