import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '#runtime/process/log.ts'
import { openAnalytics } from './analytics.ts'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { addressOf, closeServer, secret, startEdge, type EdgeStandIn } from './edge-stand-in.ts'
import { openHistoryMarks } from './history-marks.ts'
import { UnknownPackage } from './packages.ts'
import { readRecording } from './recording.ts'

export const recording = readRecording()
const own = new Set(['express', '@types/express', 'pino'])

/** As the module's own, but quick. */
const patience = { attempts: 3, firstPauseMs: 1 }

/**
 * Starts the module's HTTP server with a stand-in for the edge, for tests. It knows three packages, from the recording.
 */
export async function startApp(): Promise<{ url: string; edge: EdgeStandIn; close(): Promise<void> }> {
  const log = createLog('test', 'silent')
  const edge = await startEdge()
  const dir = await mkdtemp(join(tmpdir(), 'miner-npm-'))
  const config = readConfig({ ANALYTICS_BASE_URL: edge.url, PARMA_SHARED_SECRET_KEY: secret })
  const findFacts = async (name: string) => {
    const facts = own.has(name) ? recording.get(name) : undefined
    if (!facts) throw new UnknownPackage(name)
    return facts
  }
  const marks = openHistoryMarks(join(dir, 'fed'), secret, log)
  const stopping = new AbortController()
  const app = createApp({ config, findFacts, marks, log }, own, openAnalytics(config, stopping.signal, log, patience))
  const server = app.listen(0, '127.0.0.1')
  return {
    url: await addressOf(server),
    edge,
    async close() {
      stopping.abort()
      await Promise.all([closeServer(server), edge.close()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}
