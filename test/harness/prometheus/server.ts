import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../../deploy/local/free-port.ts'
import { answers } from '../../../deploy/local/processes.ts'
import { writeWholeFile } from '../../../deploy/local/whole-file.ts'
import { findTool } from '../../../deploy/helm/tools.ts'
import { onCleanup } from '../cleanup.ts'
import { startProcess } from '../process.ts'

export type Labels = Record<string, string>
/** `points`: times in seconds since 1970 with finite values only. */
export type Series = { labels: Labels; points: (readonly [at: number, value: number])[] }
type Alert = { labels: Labels; state: 'pending' | 'firing'; activeAt: string }

export type Prometheus = {
  /** Asks a process for its metrics, as a pod of the chart, until `removePod`. */
  addPod(service: string, pod: string, healthUrl: string): void
  removePod(pod: string): void
  /** What a query says at each second from `from` until now, as a dashboard asks. */
  queryRange(expr: string, from: number): Promise<Series[]>
  alerts(): Promise<Alert[]>
}

/** The readiness check within a scrape takes up to 1.5 seconds while a server is away. */
const scrape = { scrape_interval: '2s', scrape_timeout: '2s' }

/** A Prometheus of its own, with alerts by `rules` (YAML). It ends with the test. */
export async function startPrometheus(rules: string): Promise<Prometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'parma-prometheus-'))
  onCleanup(() => rmSync(dir, { recursive: true, force: true }))
  const pods = new Map<string, { targets: string[]; labels: Labels }>()
  const writePods = () => writeWholeFile(join(dir, 'pods.json'), JSON.stringify([...pods.values()]), 0o600)
  writePods()
  writeFileSync(join(dir, 'rules.yaml'), rules)
  const job = {
    job_name: 'parma/parma-services',
    file_sd_configs: [{ files: [join(dir, 'pods.json')], refresh_interval: '1s' }],
  }
  const config = {
    global: { ...scrape, evaluation_interval: '1s' },
    rule_files: [join(dir, 'rules.yaml')],
    scrape_configs: [job],
  }
  writeFileSync(join(dir, 'prometheus.yaml'), JSON.stringify(config))
  const address = `127.0.0.1:${await findFreePort()}`
  const args = [`--config.file=${dir}/prometheus.yaml`, `--storage.tsdb.path=${dir}`, `--web.listen-address=${address}`]
  const command = findTool('prometheus')
  await startProcess('prometheus', args, {}, () => answers(`http://${address}/-/ready`), 30_000, { command })

  async function ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const url = `http://${address}/api/v1/${path}?${new URLSearchParams(query).toString()}`
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    const answer = (await response.json()) as { status: string; data: T; error?: string }
    if (answer.status !== 'success') throw new Error(`${query.query ?? path}: ${answer.error ?? response.status}`)
    return answer.data
  }
  return {
    addPod(service, pod, healthUrl) {
      // Those that the operator gives every PodMonitor, and `service` by the relabeling of ours.
      const labels = { namespace: 'parma', pod, container: service, endpoint: 'health', service }
      pods.set(pod, { targets: [new URL(healthUrl).host], labels })
      writePods()
    },
    removePod(pod) {
      pods.delete(pod)
      writePods()
    },
    async queryRange(query, from) {
      const range = { query, start: String(from), end: String(Date.now() / 1000), step: '1' }
      type Matrix = { result: { metric: Labels; values: [number, string][] }[] }
      const { result } = await ask<Matrix>('query_range', range)
      return result.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(([at, value]) => [at, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
      }))
    },
    alerts: async () => (await ask<{ alerts: Alert[] }>('alerts')).alerts,
  }
}
