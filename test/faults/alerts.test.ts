import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { faults } from '../harness/prometheus/alert-causes.ts'
import { startWatchedSystem, type WatchedSystem } from '../harness/prometheus/watched-system.ts'
import { waitFor } from '../harness/wait-for.ts'

const shipped = readFileSync(join(root, 'deploy/helm/parma-analytics/files/alerts.yaml'), 'utf8')
/** The rules that the chart ships, with one change: an hour is a minute, and a minute a second, wherever they wait or look back. */
const rules = shipped.replace(/(\[|\bfor: |\boffset )(\d+)([mh])/g, (_, before, count, unit) =>
  [before, count, unit === 'h' ? 'm' : 's'].join(''),
)

let system: WatchedSystem
beforeAll(async () => {
  system = await startWatchedSystem(9, rules)
}, 200_000)

async function listFiring(): Promise<string[]> {
  const alerts = await system.prometheus.alerts()
  return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? ''))]
}

async function waitForAlerts(names: readonly string[], are: 'firing' | 'resolved', ms: number): Promise<void> {
  const check = async () => {
    const firing = await listFiring()
    const open = names.filter((name) => firing.includes(name) !== (are === 'firing'))
    if (open.length > 0) throw new Error(`not ${are}: ${open.join(', ')}`)
    return true
  }
  await waitFor(`${names.join(', ')} to be ${are}`, check, ms, 500)
}

test.each(Object.entries(faults))('%s', { timeout: 600_000 }, async (_, { alerts, afterwards = [], cause }) => {
  await waitForAlerts([...alerts, ...afterwards], 'resolved', 150_000)
  const heal = await cause(system)
  const from = Date.now()
  let fired = from
  await waitForAlerts(alerts, 'firing', 150_000).finally(() => {
    fired = Date.now()
    // Whatever came of it: the next one finds the system well.
    return heal?.()
  })
  await waitForAlerts(afterwards, 'firing', 60_000)
  const healed = Date.now()
  await waitForAlerts([...alerts, ...afterwards], 'resolved', 180_000)
  const seconds = [from, fired, healed, Date.now()].map((at) => Math.round((at - from) / 1000))
  console.log(`${alerts.join(', ')}: fired after ${seconds[1]} s, healed ${seconds[2]} s, resolved ${seconds[3]} s`)
})
