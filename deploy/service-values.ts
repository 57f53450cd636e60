import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

type Service = { heapMb: number; resources: { limits: { memory: string } } }

/** One block a service, as the chart has it. */
const { services } = parse(readFileSync(join(import.meta.dirname, 'helm/parma-analytics/values.yaml'), 'utf8')) as {
  services: Record<string, Service>
}

/** The memory limit of a pod of each service, in MiB. */
export const podMemory: Record<string, number> = Object.fromEntries(
  Object.entries(services).map(([name, { resources }]) => [name, Number(resources.limits.memory.replace('Mi', ''))]),
)

/** A measured peak below this leaves a tenth of its pod's limit free, MiB. */
export function memoryTarget(service: string): number {
  return 0.9 * (podMemory[service] as number)
}

/**
 * At rest V8 makes the space for new objects so small that it collects garbage every two seconds. NODE_OPTIONS does not take
 * this flag.
 */
export const youngFlag = '--min-semi-space-size=4'

/** V8's flags of a service, as its pod has them. */
export function heapFlags(service: string): string[] {
  const { heapMb } = services[service] as Service
  return [`--max-old-space-size=${heapMb}`, '--heap-growing-percent=300', youngFlag]
}
