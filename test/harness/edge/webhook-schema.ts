import addFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describeRoutes } from '../../../services/edge/server/openapi.ts'
import { routeTable } from './route-table.ts'

type Document = {
  webhooks: Record<string, { post: { requestBody: { content: Record<string, { schema: object }> } } }>
  components: object
}

/** What is wrong with the body of a webhook, by the schema that /openapi.json has for its type; empty: nothing. */
export function createWebhookCheck(): (body: unknown) => string[] {
  const { webhooks, components } = describeRoutes(routeTable()) as Document
  const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))
  const checks = new Map(
    Object.entries(webhooks).map(([type, { post }]) => [
      type,
      ajv.compile({ ...post.requestBody.content['application/json']?.schema, components }),
    ]),
  )
  return (body) => {
    const { type } = body as { type: string }
    const check = checks.get(type)
    if (!check) return [`no schema for ${type}`]
    return check(body) ? [] : (check.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
  }
}
