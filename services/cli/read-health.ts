import { z } from 'zod'
import { readEnv } from '#runtime/process/config.ts'

const services = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'] as const
const settingOf = (service: string) => `${service.toUpperCase().replace('-', '_')}_HEALTH_URL`

export type ServiceHealth = { service: string; state: 'ready' | 'not ready' | 'down' | 'unknown'; detail: string }

/** Asks the health port of every service, at the address in <NAME>_HEALTH_URL. */
export function readHealth(): Promise<ServiceHealth[]> {
  const urls = readEnv(Object.fromEntries(services.map((service) => [settingOf(service), z.url().optional()])))
  return Promise.all(services.map((service) => askHealth(service, urls[settingOf(service)])))
}

async function askHealth(service: string, url: string | undefined): Promise<ServiceHealth> {
  if (!url) return { service, state: 'unknown', detail: `${settingOf(service)} is not set` }
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) })
    const checks = Object.entries((await answer.json()) as Record<string, string>)
    const open = checks.filter(([check, verdict]) => check !== 'service' && verdict !== 'ok')
    return { service, state: answer.ok ? 'ready' : 'not ready', detail: open.map((pair) => pair.join(': ')).join(', ') }
  } catch (error) {
    return { service, state: 'down', detail: (error as Error).message }
  }
}
