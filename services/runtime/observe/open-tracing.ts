import metadata from '../../../package.json' with { type: 'json' }
import { recordWith } from './tracing.ts'

export type TracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  OTEL_TRACES_SAMPLER_ARG: number
}

/** For an answer of the collector. What cannot be sent is dropped: at most 2,048 spans wait. */
const timeoutMs = 5000

/**
 * Loads OpenTelemetry's SDK and has spans recorded and sent to the collector, until what is returned is disposed of, which
 * sends the rest. Nothing where no endpoint is set: the SDK takes memory.
 */
export async function openTracing(service: string, settings: TracingSettings): Promise<AsyncDisposable | null> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: share } = settings
  if (endpoint === undefined) return null
  const [{ BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider }, otlp, resources] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
  const exporter = new otlp.OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: timeoutMs,
  })
  const provider = new TracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'parma-analytics',
      'service.version': metadata.version,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: timeoutMs })],
  })
  recordWith(provider.getTracer('parma-analytics', metadata.version))
  return {
    async [Symbol.asyncDispose]() {
      recordWith(null)
      // A collector that is away keeps no service from stopping.
      await provider.shutdown().catch(() => undefined)
    },
  }
}
