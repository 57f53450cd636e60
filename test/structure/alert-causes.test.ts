import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'

const read = (file: string) => readFileSync(join(root, file), 'utf8')

test('each alert has a fault that makes it fire in `make faults`', () => {
  const alerts = [...read('deploy/helm/parma-analytics/files/alerts.yaml').matchAll(/- alert: (\w+)/g)]
  const causes = read('test/harness/prometheus/alert-causes.ts')
  expect(alerts.map(([, name]) => name).filter((name) => !causes.includes(`'${name}'`))).toEqual([])
  expect(alerts.length).toBeGreaterThan(10)
})
