import { crmAbout, crmCompanies, type CrmDeps } from './catalog/crm.ts'
import type { Route } from './server/route.ts'
import { notificationRules, notificationRulesAbout } from './catalog/seed-rules.ts'
import { schedule, scheduleAbout, type TriggerDeps, weeklyReports, weeklyReportsAbout } from './intake/triggers.ts'

export type CompatibilityDeps = TriggerDeps & CrmDeps

/**
 * What parma-web and Cloud Scheduler call without a token. Each can be called any number of times by anybody: what it
 * does is done once, and it takes nothing over from the caller that is not here already. COMPATIBILITY_ROUTES=false
 * leaves them out, and serves handshakes with a token only.
 */
export function compatibilityRoutes(deps: CompatibilityDeps): Route[] {
  const role = 'anyone'
  return [
    { method: 'get', path: '/schedule', role, about: scheduleAbout, handle: schedule(deps) },
    { method: 'get', path: '/weekly-reports', role, about: weeklyReportsAbout, handle: weeklyReports(deps) },
    {
      method: 'get',
      path: '/notification-rules',
      role,
      about: notificationRulesAbout,
      handle: notificationRules(deps),
    },
    { method: 'post', path: '/crm-companies', role, about: crmAbout, handle: crmCompanies(deps) },
  ]
}
