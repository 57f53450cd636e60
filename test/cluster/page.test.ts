// The commands of the chart's page, one after the other, as somebody runs them who has never seen it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root, services } from '../../deploy/local/config.ts'
import { addAccount, type ReadyCluster, startReadyCluster } from './ready-cluster.ts'

const page = readFileSync(join(root, 'deploy/helm/parma-analytics/README.md'), 'utf8')
/** The blocks of the page, without the spaces of a list. */
const blocks = [...page.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, spaces = '', text = '']) =>
  text.replaceAll(new RegExp(`^${spaces}`, 'gm'), ''),
)
const deployments = services.map((service) => `analytics-${service}`).sort()
/** What a cluster without nodes answers to commands that ask a pod. */
const withoutNodes = 'timed out waiting for the condition'
const needsNodes = / (logs|exec|port-forward) /
/** Of the step that installs, which upgrades too. */
const install = '--values your-values.yaml --timeout 20m\n'
const run = new Set<string>()

let cluster: ReadyCluster
beforeAll(async () => {
  cluster = await startReadyCluster()
}, 300_000)

/** Nobody waits long for a pod that never comes. */
const sh = (script: string) => cluster.sh(script.replace(needsNodes, ' $1 --pod-running-timeout=1s '))

/** Runs the one block of the page that has `text`, with some of it replaced. */
async function follow(text: string, [from, to]: [string, string] = ['', '']): Promise<string> {
  const found = blocks.filter((block) => block.includes(text))
  expect(found).toHaveLength(1)
  run.add(found[0]!)
  return sh(found[0]!.replace(from, to))
}

describe('the page of the chart', () => {
  test('leads to an installation', async () => {
    await follow('create secret generic')
    await addAccount(cluster, 'analytics')
    await follow('cp deploy')
    const answer = await follow('--dry-run=server')
    expect(answer).toContain('deployment.apps/analytics-edge serverside-applied (server dry run)')
    expect(await cluster.list('analytics', 'deployments')).toEqual([])
    const notes = await follow(install)
    expect(await cluster.list('analytics', 'deployments')).toEqual(deployments)
    expect(await follow('rollout status')).toContain('Succeeded')
    await checkNotes(notes)
  })

  /** What helm prints says the commands of the page again, and some of its own. */
  async function checkNotes(notes: string) {
    const commands = notes
      .split('\n')
      .flatMap((line) => /(?:^ {7}|says why: )((?:kubectl|helm) .*)/.exec(line)?.[1] ?? [])
    expect(commands).toHaveLength(5)
    for (const command of commands) {
      if (needsNodes.test(command)) await expect(sh(command)).rejects.toThrow(withoutNodes)
      else await sh(command)
    }
  }

  test('says how to see why a setup step failed, and to go on', async () => {
    await expect(follow(install, ['--timeout', '--set image.tag=broken --timeout'])).rejects.toThrow('hooks failed')
    await expect(follow('logs job/analytics-setup')).rejects.toThrow(withoutNodes)
    await follow(install, ['--timeout', '--set image.tag=0.2.0 --timeout'])
  })

  test('says how a changed Secret takes effect, after which an upgrade works', async () => {
    expect(await follow('rollout restart')).toContain('deployment.apps/analytics-edge restarted')
    await follow(install)
  })

  test('says how to run commands in a pod for them', async () => {
    await follow(install, ['--timeout', '--set operator.enabled=true --timeout'])
    for (const command of ['main.ts status', 'main.ts topics apply'])
      await expect(follow(command)).rejects.toThrow(withoutNodes)
  })

  test('says how to stop all services but that pod, and to start them again', async () => {
    const readReplicas = async () => {
      const answer = await cluster.sh(
        `kubectl -n analytics get deployments -o jsonpath='{range .items[*]}{.metadata.name}={.spec.replicas} {end}'`,
      )
      return Object.fromEntries(
        answer
          .trim()
          .split(' ')
          .map((one) => one.split('=')),
      )
    }
    const all = (replicas: string) => Object.fromEntries(deployments.map((name) => [name, replicas]))
    const keda = ['--timeout', '--set operator.enabled=true,keda.enabled=true --timeout'] as const
    await follow(install, [...keda])
    await follow('paused-replicas=0')
    await follow('name!=operator')
    expect(await readReplicas()).toEqual({ ...all('0'), 'analytics-operator': '1' })
    await follow('--replicas 1\n')
    expect(await readReplicas()).toEqual({ ...all('1'), 'analytics-operator': '1' })
    await follow('paused-replicas-')
    await follow(install)
    expect(await readReplicas()).toEqual({ ...all('1'), 'analytics-edge': '2' })
  })

  test('says how to switch an autoscaler on, so that no replica goes, and off', async () => {
    const readReplicas = () =>
      cluster.sh('kubectl -n analytics get deployment/analytics-edge -o jsonpath={.spec.replicas}')
    await follow('--replicas 3')
    expect(await readReplicas()).toBe('3')
    await expect(follow(install)).rejects.toThrow('conflict with "kubectl"')
    await follow(install, ['--timeout', '--force-conflicts --timeout'])
    expect(await readReplicas()).toBe('2')
  })

  test('leads back from an upgrade that failed, and out', async () => {
    await follow(install, ['--timeout', '--set monitoring.enabled=true --timeout'])
    const refused = `--set-json 'services.edge.serviceAccountAnnotations={"no name":"x"}'`
    await expect(follow(install, ['--timeout', `${refused} --timeout`])).rejects.toThrow('name part must consist of')
    expect(await follow('helm rollback')).toContain('Rollback was a success')
    await follow('helm uninstall')
    for (const kind of ['deployments', 'jobs', 'networkpolicies', 'services', 'pods', 'podmonitors'])
      expect([kind, await cluster.list('analytics', kind)]).toEqual([kind, []])
    expect(await cluster.list('analytics', 'secrets')).toEqual(['parma-settings'])
  })

  test('leads to an installation and an upgrade without helm', async () => {
    await follow('delete job analytics-setup')
    expect(await cluster.list('analytics', 'deployments')).toEqual(deployments)
    await follow('delete job analytics-setup', ['--skip-tests', '--skip-tests --set image.tag=0.4.0'])
    await expect.poll(() => cluster.jobs.at(-1)).toMatchObject({ image: 'parma-analytics:0.4.0', succeeded: true })
  })

  test('leads away from the plain manifests of before', async () => {
    await follow('managed-by!=Helm')
  })

  test('has no command that was not run here', () => {
    expect(blocks.filter((block) => !run.has(block))).toEqual([])
  })
})
