import { beforeAll, describe, expect, test } from 'vitest'
import type { News, OpsEvent } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/analyzer/commands.ts'
import { type AnalyzerBench, installAnalyzer } from '../harness/analyzer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer()
})

describe('rules', () => {
  test('a rule that is added and then changed takes effect without a restart, with a new version', async () => {
    const { company, observation, addRule } = await analyzer.createSeries()
    const unruled = [observation(0, [{ number: 100 }]), observation(1, [{ number: 103 }])]
    await analyzer.send(...unruled)
    await analyzer.settled(...unruled)
    const rule = await addRule(2)
    await waitFor('the rule to be in force', async () => {
      await analyzer.send(observation(1, [{ number: 103 }]))
      return (
        (
          await analyzer.installation.database.query(`SELECT FROM analyzer.rule WHERE rule_id = $1`, [
            `notification_rules/${rule}`,
          ])
        ).length === 1
      )
    })
    await analyzer.send(observation(2, [{ number: 106 }]))
    const [first] = await waitFor('the news', () => analyzer.newsOf(company).then((news) => news.length === 1 && news))
    expect(first).toMatchObject({
      rule: { id: `notification_rules/${rule}`, version: 1 },
      previous: '103',
      current: '106',
    })
    await analyzer.installation.database.query(
      'UPDATE public.notification_rules SET threshold = 1 WHERE rule_id = $1',
      [rule],
    )
    await waitFor('the change to be in force', async () => {
      await analyzer.send(observation(2, [{ number: 106 }]))
      return (
        (
          await analyzer.installation.database.query(`SELECT FROM analyzer.rule WHERE rule_id = $1`, [
            `notification_rules/${rule}`,
          ])
        ).length === 2
      )
    })
    await analyzer.send(observation(3, [{ number: 107.5 }]))
    const [, second] = await waitFor('the news', () =>
      analyzer.newsOf(company).then((news) => news.length === 2 && news),
    )
    expect(second).toMatchObject({ rule: { id: `notification_rules/${rule}`, version: 2 } })
  })

  test('a rule that cannot be applied is reported once, on the rule and to operators, and affects nothing else', async () => {
    const { company, source, observation, addRule } = await analyzer.createSeries()
    const rule = await addRule(10, 'stddev')
    const two = await addRule(10, 'SUM', 2)
    const observations = [100, 100, 100, 200].map((number, day) => observation(day, [{ number }]))
    await waitFor('the rules to be in force', async () => {
      await analyzer.send(observation(-1, [{ number: 100 }]))
      return (
        (
          await analyzer.installation.database.query('SELECT FROM analyzer.rule_error WHERE rule_id = $1', [
            `notification_rules/${rule}`,
          ])
        ).length === 1
      )
    })
    await analyzer.send(...observations)
    const news = await waitFor('the news', () => analyzer.newsOf(company).then((found) => found.length === 1 && found))
    expect(news[0]).toMatchObject({
      title: 'langfuse: total stars rose 50% to 300',
      rule: { id: `notification_rules/${two}` },
      facts: { window: '2', latest: '200' },
    })
    const told = await waitFor('the rule to be reported', async () => {
      const events = (await analyzer.readAll(topics.opsEvents)).map(({ value }) => value)
      const found = events.filter(({ subject }) => subject === `notification_rules/${rule}`)
      return found.length > 0 && found
    })
    expect(new Set(told.map(({ event_id }: OpsEvent) => event_id)).size).toBe(1)
    expect(told[0]).toMatchObject({
      kind: 'rule-error',
      service: 'analyzer',
      data_source_id: source,
      message: `Rule "a rule" (notification_rules/${rule}) cannot be applied: its aggregation method "stddev" is unknown: use sum, avg, count, min, max or median, or leave it empty.`,
    })
  })
})

describe('rules of our own', () => {
  type Ruled = { rule_id: string | null; covers: { series: number; companies: number }; definition: object }
  const parma = <T = Ruled>(...args: string[]) => runCommand<T>(commands.rules, ...args)
  const ruleOf = (news: readonly News[]) => news.map(({ rule }) => `${rule?.id} ${rule?.version}`)

  test('an added rule fires, a disabled one does not, without a restart', async () => {
    const { company, source, observation } = await analyzer.createSeries()
    let day = 0
    /** One more value, 4 above the last; returns the rules that fired. */
    const step = async () => {
      const next = observation(day, [{ number: 1000 + 4 * day++ }])
      await analyzer.send(next)
      await analyzer.settled(next)
      const rows = await analyzer.installation.database.query<{ rule: string }>(
        `SELECT rule_id || ' ' || rule_version AS rule FROM analyzer.news WHERE event_id = $1`,
        [next.event_id],
      )
      return rows.map(({ rule }) => rule)
    }
    expect(await step()).toEqual([])
    expect(await step()).toEqual([])
    const asked = ['--name', 'steps', '--absolute', '3', '--source', String(source), '--severity', 'critical']
    const tried = await parma('add', ...asked, '--dry-run')
    expect(tried).toMatchObject({ rule_id: null, covers: { series: 1, companies: 1, measurements: 1 } })
    const { rule_id, definition } = await parma('add', ...asked, '--by', 'somebody')
    expect(definition).toEqual(tried.definition)
    await waitFor('the rule to fire', async () => (await step()).join() === `${rule_id} 1`)
    const [news] = await waitFor('the news', () => analyzer.newsOf(company).then((all) => all.length > 0 && all))
    expect(news).toMatchObject({ severity: 'critical', facts: { change: '4', threshold: '3' } })
    await parma('edit', rule_id!, '--direction', 'up', '--by', 'another')
    await waitFor('the change to be in force', async () => (await step()).join() === `${rule_id} 2`)
    await parma('disable', rule_id!, '--by', 'somebody')
    await waitFor('the rule to be silent', async () => (await step()).length === 0)
    const listed = await parma<Record<string, unknown>[]>('ls')
    expect(listed.find((one) => one.rule_id === rule_id)).toMatchObject({
      ...{ version: 3, name: 'steps', fires: 'a rise by 3 or more', about: `source ${source}` },
      ...{ severity: 'critical', enabled: false, problem: null, changed_by: 'somebody' },
    })
    await expect(parma('disable', rule_id!)).rejects.toThrow('is already switched off')
    await expect(parma('edit', '12345', '--percent', '5')).rejects.toThrow('There is no rule "12345"')
  })

  test('a narrower rule applies only to its company; an invalid rule is reported once and affects nothing else', async () => {
    const [one, other] = [
      await analyzer.createSeries('int', 'followers'),
      await analyzer.createSeries('int', 'followers'),
    ]
    await analyzer.installation.database.query(
      `INSERT INTO analyzer.rule (rule_id, version, definition) VALUES ('rule/900000', 1, '{"name": "by hand"}')`,
    )
    const fields = ['--name', 'followers', '--measurement', 'follow*']
    const narrow = await parma('add', ...fields, '--absolute', '50', '--company', String(one.company), '--by', 'x')
    const general = await parma('add', ...fields, '--absolute', '5', '--by', 'x')
    let day = 0
    const step = async () => {
      const number = 1000 + 10 * day
      const both = [one, other].map(({ observation }) => observation(day, [{ number }]))
      day++
      await analyzer.send(...both)
      await analyzer.settled(...both)
    }
    await step()
    const [news] = await waitFor('the general rule to fire', async () => {
      await step()
      const found = await analyzer.newsOf(other.company)
      return found.length > 0 && found
    })
    expect(ruleOf([news!])).toEqual([`${general.rule_id} 1`])
    day += 10
    await step()
    const narrowed = await waitFor('the narrow rule to fire', () =>
      analyzer.newsOf(one.company).then((found) => found.length > 0 && found),
    )
    expect(ruleOf(narrowed)).toEqual([`${narrow.rule_id} 1`])
    const told = await waitFor('the rule to be reported', async () => {
      const events = (await analyzer.readAll(topics.opsEvents)).map(({ value }) => value)
      const found = events.filter(({ subject }) => subject === 'rule/900000')
      return found.length > 0 && found
    })
    expect(new Set(told.map(({ event_id }) => event_id)).size).toBe(1)
    expect(told[0]).toMatchObject({
      kind: 'rule-error',
      message: expect.stringMatching(/^Rule "rule\/900000" .* cannot be applied: its definition is invalid/) as string,
    })
  })
})
