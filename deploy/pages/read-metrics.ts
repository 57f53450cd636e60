import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { register } from 'prom-client'

const root = resolve(import.meta.dirname, '../..')

export type Metric = { name: string; type: string; help: string; labels: readonly string[]; service: string }

type Registered = { name: string; type: string; help: string; labelNames?: readonly string[] }

/** Every metric of our own that services register, with the service that does: `every` for those of the runtime. */
export async function readMetrics(): Promise<Metric[]> {
  const sources: { service: string; text: string }[] = []
  for (const file of (await Array.fromAsync(glob('services/**/*.ts', { cwd: root }))).sort()) {
    const text = readFileSync(join(root, file), 'utf8')
    if (file.endsWith('.test.ts') || !text.includes("from 'prom-client'")) continue
    await import(pathToFileURL(join(root, file)).href)
    const [, folder = ''] = file.split('/')
    sources.push({ service: folder === 'runtime' ? 'every' : folder, text })
  }
  const registered = register.getMetricsAsArray() as unknown as Registered[]
  return registered
    .filter(({ name }) => name.startsWith('parma_'))
    .map(({ name, type, help, labelNames: labels = [] }) => {
      const source = sources.find(({ text }) => text.includes(`'${name}'`))
      return { name, type, help, labels, service: source?.service ?? '' }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
