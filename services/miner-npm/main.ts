// A mining module: posts what the npm registry knows about the packages that this project depends on. Each payload of a
// run is posted at least once, and parma-analytics counts it once.
import { once } from 'node:events'
import { runService } from '#runtime/process/service.ts'
import { openAnalytics } from './analytics.ts'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { openHistoryMarks } from './history-marks.ts'
import { openNpmView, readDependencies } from './npm-view.ts'
import { openPackages } from './packages.ts'

await runService('miner-npm', readConfig, async (config, { log, health, scope, stopping }) => {
  const own = readDependencies()
  const view = openNpmView(config.MINER_NPM_COMMAND)
  const findFacts = openPackages(config, own, view, log)
  const marks = openHistoryMarks(`${config.MINER_CACHE_DIR}/fed`, config.PARMA_SHARED_SECRET_KEY, log)
  const app = createApp({ config, findFacts, marks, log }, own, openAnalytics(config, stopping, log))
  const server = app.listen(config.MINER_PORT, config.MINER_HOST)
  await once(server, 'listening')
  scope.defer(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  health.ready('http', () => {})
})
