import { type Command, Option } from 'commander'
import { isDeepStrictEqual } from 'node:util'
import { findBucket, findCompany, findSource, nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { methods } from '../values/aggregate.ts'
import { compileRules, findProblem, type OwnRow } from '../rules/compile-rules.ts'
import { settings } from '../config.ts'
import { countCovered, type Covered } from './count-covered.ts'
import { listRules } from './list-rules.ts'
import { addBucketCompanies, insertRule, insertVersion, lockRules, readOwnRules } from '../rules/own-rules.ts'
import { ruleDefinition, type RuleDefinition } from '../rules/read-definition.ts'
import { readRuleOptions, type RuleOptions, type ScopeIds } from './read-rule-options.ts'
import { describeRule, describeScope } from '../rules/describe-rule.ts'

type Output = { json?: boolean }
type Scope = { company?: string[]; bucket?: string[]; source?: string[] }
type Options = RuleOptions & Scope & Output & { by?: string; dryRun?: boolean }

export function build(group: Command): void {
  group.command('ls').description('list rules, those of parma-web too').option('--json', 'print JSON').action(list)
  withFields(
    group.command('add').description('add a rule; a narrower one of the same name replaces a general one'),
  ).action(add)
  withFields(group.command('edit').description('change a rule').argument('<rule>', 'id, as rule/3'))
    .option('--enable', 'switch it on again')
    .action(edit)
  group
    .command('disable')
    .description('switch a rule off')
    .argument('<rule>', 'id, as rule/3')
    .option('--by <who>', 'who does that (you)')
    .option('--json', 'print JSON')
    .action(disable)
  group.addHelpText('after', '\n`parma rules seed` gives measurements of well-known sources the rules they start with.')
}

function withFields(command: Command): Command {
  const collect = (one: string, before: string[] = []) => [...before, one]
  return command
    .option('--name <name>', 'what it is called')
    .option('--percent <percent>', 'fires when a number changes by so many percent, and from zero')
    .option('--absolute <number>', 'fires when a number changes by so much')
    .option('--from-zero', 'fires when a number was zero')
    .option('--above <level>', 'fires when a number gets above this level')
    .option('--below <level>', 'fires when a number gets below this level')
    .option('--changed', 'fires when anything changes: texts, dates and links too')
    .option(
      '--ignore <word>',
      'a word, or member of a list, whose change does not count; several times for more',
      collect,
    )
    .option('--similarity <part>', 'texts that share at least this part of their words (0 to 1) are no change')
    .option('--never', 'tells nothing where a general rule, or the defaults, would')
    .addOption(new Option('--direction <direction>', 'of a change (both)').choices(['up', 'down', 'both']))
    .option('--recovery <level>', 'to where a number must be back before it crosses the level again (the level)')
    .addOption(
      new Option('--window <method>', 'compares windows of values, not values').choices([
        ...Object.keys(methods),
        'none',
      ]),
    )
    .option('--runs <count>', 'how many values a window holds')
    .option('--days <count>', 'how many days a window is long')
    .option('--in-a-row <count>', 'fires only when that happens so many times in a row (1)')
    .option('--cool-down-days <days>', 'after it fired, nothing for so long (0)')
    .addOption(
      new Option('--severity <severity>', 'of its news (auto: by the size of the change)').choices([
        ...['info', 'warning', 'critical', 'auto'],
      ]),
    )
    .option('--company <company>', 'only this one, by id or name, several times for more; all for all', collect)
    .option('--bucket <bucket>', 'only companies in this bucket, by id or title; all for all', collect)
    .option('--source <source>', 'only this source, by id or name; all for all', collect)
    .option('--measurement <name>', 'only measurements of this name; * stands for any text, ? for a letter')
    .option('--by <who>', 'who does that (you)')
    .option('--dry-run', 'say what the rule would be and what it would judge now, change nothing')
    .option('--json', 'print JSON')
}

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) => listRules(database, readMaxWindow()))
  printRows(json ? rows : rows.map(({ definition: _, ...row }) => row), json)
}

async function add(options: Options): Promise<void> {
  if (options.name === undefined) throw new UsageError('A new rule needs --name.')
  const result = await withDatabase((database) =>
    database.transaction(async (tx) => {
      await lockRules(tx)
      const definition = readRuleOptions(options, await readScope(tx, options), null)
      const rules = await readOwnRules(tx)
      const same = rules.find((one) => isSameRule(ruleDefinition.safeParse(one.definition).data, definition))
      if (same)
        throw new UsageError(`${same.rule_id} has this name and is about the same: change it, or take another name.`)
      const row = await check(tx, { rule_id: 'rule/new', version: 1, definition })
      const all = [...rules, row]
      const covers = await countCovered(tx, compileRules(all, readMaxWindow()), row.rule_id)
      const rule_id = options.dryRun ? null : await insertRule(tx, definition, nameOfCaller(options.by))
      return { rule_id, version: 1, definition, covers }
    }),
  )
  say(result.rule_id === null ? 'would add' : `added ${result.rule_id}:`, result, options)
}

/** Of rules that one could not be told from the other by what they are about, only one would hold. */
function isSameRule(known: RuleDefinition | undefined, { name, scope }: RuleDefinition): boolean {
  return known?.name === name && isDeepStrictEqual(known.scope, scope)
}

async function edit(rule: string, options: Options): Promise<void> {
  const result = await change(rule, options, async (tx, before) =>
    readRuleOptions(options, await readScope(tx, options), before),
  )
  say(options.dryRun ? `would change ${result.rule_id} to` : `changed ${result.rule_id} to`, result, options)
}

async function disable(rule: string, options: Output & { by?: string }): Promise<void> {
  const { rule_id, version } = await change(rule, options, (_, before) => {
    if (!before.enabled) throw new UsageError(`${rule} is switched off already.`)
    return { ...before, enabled: false }
  })
  printResult({ rule_id, version }, `switched ${rule_id} off`, options.json ?? false)
}

/** Writes the next version of a rule, as `next` makes it of the newest one. */
async function change(
  text: string,
  options: { by?: string; dryRun?: boolean },
  next: (tx: Transaction, before: RuleDefinition) => RuleDefinition | Promise<RuleDefinition>,
) {
  return withDatabase((database) =>
    database.transaction(async (tx) => {
      await lockRules(tx)
      const rules = await readOwnRules(tx)
      const known = requireRule(rules, text)
      const { rule_id } = known
      const before = ruleDefinition.safeParse(known.definition).data
      if (!before) throw new UsageError(`${findProblem(known, readMaxWindow())}: ${rule_id} cannot be changed.`)
      const definition = await next(tx, before)
      if (isDeepStrictEqual(definition, before))
        throw new UsageError(`Nothing to change: ${rule_id} is like that already.`)
      const row = await check(tx, { rule_id, version: known.version + 1, definition })
      const all = rules.map((one) => (one.rule_id === rule_id ? row : one))
      const covers = await countCovered(tx, compileRules(all, readMaxWindow()), rule_id)
      if (!options.dryRun) await insertVersion(tx, { ...row, definition }, nameOfCaller(options.by))
      return { rule_id, version: row.version, definition, covers }
    }),
  )
}

function requireRule(rules: readonly OwnRow[], text: string): OwnRow {
  const id = /^\d+$/.test(text) ? `rule/${text}` : text
  const known = rules.find(({ rule_id }) => rule_id === id)
  if (known) return known
  if (id.startsWith('notification_rules/')) throw new UsageError(`${id} is a rule of parma-web: change it there.`)
  throw new UsageError(`There is no rule ${JSON.stringify(text)}. \`parma rules ls\` shows which there are.`)
}

/** The rule as it would be judged by, if it can be. */
async function check(tx: Transaction, rule: Omit<OwnRow, 'bucketCompanies'>): Promise<OwnRow> {
  const [row] = await addBucketCompanies(tx, [rule])
  const problem = findProblem(row!, readMaxWindow())
  if (problem !== null) throw new UsageError(`Nobody could follow this rule: ${problem}.`)
  return row!
}

function readMaxWindow(): number {
  return readEnv({ MAX_WINDOW: settings.MAX_WINDOW }).MAX_WINDOW
}

type Changed = { rule_id: string | null; version: number; definition: RuleDefinition; covers: Covered }

function say(done: string, { definition, ...result }: Changed, { dryRun = false, json = false }: Options): void {
  const { series, companies, measurements } = result.covers
  const fires = `${JSON.stringify(definition.name)}, which tells ${describeRule(definition)}; about ${describeScope(definition.scope)}`
  const covers = `It judges ${series} series now (companies: ${companies}, measurements: ${measurements}).`
  const shown = dryRun ? `\n${JSON.stringify(definition, null, 2)}` : ''
  printResult({ ...result, definition }, `${done} ${fires}.\n${covers}${shown}`, json)
}

async function readScope(database: Pick<Database, 'any'>, { company, bucket, source }: Scope): Promise<ScopeIds> {
  const ids = async (asked: string[] | undefined, find: typeof findBucket) => {
    if (asked === undefined || asked.includes('all')) return asked && []
    return [...new Set(await Promise.all(asked.map((text) => find(database, text))))].sort((a, b) => a - b)
  }
  return {
    companies: await ids(company, findCompany),
    buckets: await ids(bucket, findBucket),
    sources: await ids(source, findSource),
  }
}
