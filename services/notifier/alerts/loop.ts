import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { classify } from '#runtime/calls/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { type DeliverySettings, unwokenTurns } from '../delivery/settings.ts'
import type { MessageSettings } from '../message/settings.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { assignNews } from '../plan/assign-news.ts'
import { assignOps } from '../plan/assign-ops.ts'
import { makeMessages } from './make-messages.ts'
import { noteAlertSettings } from './noted-settings.ts'
import {
  type Find,
  findFirstBundles,
  findFirstGroup,
  findFirstOpsEvent,
  type Postpone,
  postponeBundles,
  postponeGroup,
  postponeOpsEvent,
} from '../plan/postpone.ts'
import type { PlanSettings } from '../plan/settings.ts'

/** What one transaction plans at most. */
const groupsAtOnce = 50
const eventsAtOnce = 1000
const destinationsAtOnce = 200

/** Plans what is due and calls `wakeDelivery` when there are new deliveries. Returns the function that wakes it. */
export function startPlanning(
  config: PlanSettings & PeopleSettings & MessageSettings & Pick<DeliverySettings, 'POLL_MS'>,
  context: ServiceContext,
  database: Database,
  wakeDelivery: () => void,
): () => void {
  const { log } = context

  /** Takes what is due in one transaction. If that fails, takes one at a time and postpones the ones that fail. */
  async function work(
    limit: number,
    take: (limit: number) => Promise<number>,
    findFirst: Find,
    postpone: Postpone,
  ): Promise<number> {
    try {
      return await take(limit)
    } catch (error) {
      if (classify(error) === 'transient') throw error
      log.error({ error }, 'planning_one_by_one')
    }
    let done = 0
    for (let n = 0; n < limit; n++) {
      const id = await findFirst(database)
      try {
        const taken = await take(1)
        if (taken === 0) break
        done += taken
      } catch (error) {
        if (classify(error) === 'transient') throw error
        log.error({ error }, 'planning_postponed')
        if (id !== null) await postpone(database, id, String(error))
      }
    }
    return done
  }

  let areNoted = false
  const wake = startLoop('plan', unwokenTurns * config.POLL_MS, context, async () => {
    if (!areNoted) await noteAlertSettings(config, database)
    areNoted = true
    const assigned = await work(
      groupsAtOnce,
      (limit) => assignNews(config, database, limit),
      findFirstGroup,
      postponeGroup,
    )
    const events = await work(
      eventsAtOnce,
      (limit) => assignOps(config, database, limit),
      findFirstOpsEvent,
      postponeOpsEvent,
    )
    const messages = await work(
      destinationsAtOnce,
      (limit) => makeMessages(config, context, database, limit),
      findFirstBundles,
      postponeBundles,
    )
    if (messages > 0) wakeDelivery()
    if (assigned + events + messages > 0) wake()
  })
  return wake
}
