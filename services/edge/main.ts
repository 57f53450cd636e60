// HTTP → raw payloads, maps, finishes, triggers. A 201 of /feed-raw-data means that the payload is durable in Kafka.
// The same payload sent again in one run is the same event.
import { createBrokerProbe } from '#runtime/kafka/client.ts'
import { openPublisher } from '#runtime/open-kafka.ts'
import { runService } from '#runtime/process/service.ts'
import { createHttpClient } from '#runtime/web/http-client.ts'
import { readConfig } from './config.ts'
import { openEdge } from './open.ts'
import { createGate } from './publish/gate.ts'
import { listen } from './server/listen.ts'

/** Callers wait for their own record only, so a few milliseconds cost nobody much and let records share a send. */
const lingerMs = 3

/** Of DRAIN_TIMEOUT_MS: for answering the callers whose records could not be sent, and for closing. */
const answerMs = 5000

await runService('edge', readConfig, async (config, context) => {
  const { stopping } = context
  const gate = createGate(config, context)
  const stopHoldMs = Math.max(0, config.DRAIN_TIMEOUT_MS - answerMs)
  const send = await openPublisher(config, context, { lingerMs, stopping, stopHoldMs, gate })
  const sendNow = await openPublisher(config, context, { lingerMs, stopping })
  const http = context.scope.use(
    createHttpClient({
      allowedPrivateNetworks: config.ALLOWED_PRIVATE_NETWORKS,
      httpHosts: config.DEPLOYMENT_ENV === 'local' ? undefined : config.ALLOWED_HTTP_MODULES,
      ca: config.MODULE_CA,
    }),
  )
  await listen(
    config,
    context,
    await openEdge(config, context, { send, sendNow, gate, probe: createBrokerProbe(config, context), http }),
  )
})
