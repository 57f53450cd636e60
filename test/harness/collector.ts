import { serve } from './serve.ts'

/** A span as a collector gets it, with the service that sent it. */
export type CollectedSpan = {
  service: string
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  links: { traceId: string; spanId: string }[]
  attributes: Record<string, unknown>
}

type Attribute = { key: string; value: Record<string, unknown> }
type Sent = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: {
      spans: (Omit<CollectedSpan, 'service' | 'attributes' | 'links'> & {
        attributes: Attribute[]
        links?: CollectedSpan['links']
      })[]
    }[]
  }[]
}

/** A collector that takes spans as OTLP over HTTP, in JSON, and keeps them. */
export async function startCollector(): Promise<{ url: string; spans(): CollectedSpan[] }> {
  const spans: CollectedSpan[] = []
  const url = await serve(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
    for (const { resource, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans)
      for (const span of scopeSpans.flatMap((scope) => scope.spans))
        spans.push({
          ...span,
          service: String(read(resource.attributes)['service.name']),
          attributes: read(span.attributes),
          links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        })
    response.setHeader('content-type', 'application/json').end('{}')
  })
  return { url, spans: () => spans }
}

function read(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
