import { isDeepStrictEqual } from 'node:util'
import { type Command, Option } from 'commander'
import { findBucket, findCompany, findSource, nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { collect } from '#runtime/commands/read-typed.ts'
import { readEnv } from '#runtime/process/config.ts'
import { newRuleId } from '../backtest/asked-rules.ts'
import { describeTrial, type RuleTrial, tryRule } from '../backtest/try-rule.ts'
import { commandSettings, settings } from '../config.ts'
import { compileRules, findProblem, type OwnRow } from '../rules/compile-rules.ts'
import { checkRule, lockRules, requireOther, requireRule } from '../rules/change-rules.ts'
import { describeRule, describeScope } from '../rules/describe-rule.ts'
import { readOwnRules } from '../rules/own-rules.ts'
import { ruleDefinition, type RuleDefinition } from '../rules/read-definition.ts'
import { methods } from '../values/aggregate.ts'
import { countCovered, type Covered } from './count-covered.ts'
import { listDefaultRules, listRules } from './list-rules.ts'
import { readRuleOptions, type RuleOptions, type ScopeIds } from './read-rule-options.ts'
import { addRule, writeVersion } from './write-rules.ts'

type Output = { json?: boolean }
type Scope = { company?: string[]; bucket?: string[]; source?: string[] }
type Options = RuleOptions & Scope & Output & { by?: string; dryRun?: boolean; backtest?: string }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list all rules, including those of parma-web')
    .option('--json', 'print JSON')
    .action(list)
  withFields(
    group
      .command('add')
      .description('add a rule; of rules with the same name, the one with the narrowest scope applies'),
  )
    .option('--backtest <time>', 'first show what the rule would have told in the last 12m, 4w, 90d or 2y')
    .action(add)
  withFields(group.command('edit').description('change a rule').argument('<rule>', 'id, such as rule/3'))
    .option('--enable', 'switch the rule on again')
    .action(edit)
  group
    .command('disable')
    .description('switch a rule off')
    .argument('<rule>', 'id, such as rule/3')
    .option('--by <who>', 'who makes the change (default: you)')
    .option('--json', 'print JSON')
    .action(disable)
  group.addHelpText('after', '\n`parma rules seed` adds starter rules for measurements of well-known sources.')
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'name of the rule')
    .option('--percent <percent>', 'fires when a number changes by at least this many percent, or from zero')
    .option('--absolute <number>', 'fires when a number changes by at least this much')
    .option('--from-zero', 'fires when a number changes from zero')
    .option('--above <level>', 'fires when a number rises above this level')
    .option('--below <level>', 'fires when a number falls below this level')
    .option('--changed', 'fires when the value changes: texts, dates and links too')
    .option(
      '--ignore <word>',
      'with --changed: a word or list member whose change does not count; may be repeated',
      collect,
    )
    .option(
      '--similarity <part>',
      'with --changed: texts that share at least this part of their words (0 to 1) count as equal',
    )
    .option('--never', 'never fires, where a general rule or the defaults would')
    .addOption(
      new Option('--direction <direction>', 'direction of the change (default: both)').choices(['up', 'down', 'both']),
    )
    .option(
      '--recovery <level>',
      'level to which a number must return before the rule can fire again (default: the level itself)',
    )
    .addOption(
      new Option('--window <method>', 'compares windows of values instead of single values').choices([
        ...Object.keys(methods),
        'none',
      ]),
    )
    .option('--runs <count>', 'length of a window, in values')
    .option('--days <count>', 'length of a window, in days')
    .option('--in-a-row <count>', 'fires only if the condition holds for this many values in a row (default: 1)')
    .option('--cool-down-days <days>', 'days after a firing in which the rule does not fire again (default: 0)')
    .addOption(
      new Option('--severity <severity>', 'severity of its news items (default: auto, by their importance)').choices([
        ...['info', 'warning', 'critical', 'auto'],
      ]),
    )
    .option(
      '--company <company>',
      'only this company, by id or name; may be repeated; "all" for all companies',
      collect,
    )
    .option(
      '--bucket <bucket>',
      'only companies in this bucket, by id or title; may be repeated; "all" for all companies',
      collect,
    )
    .option('--source <source>', 'only this source, by id or name; may be repeated; "all" for all sources', collect)
    .option('--measurement <name>', 'only measurements with this name; * matches any text, ? any character')
    .option('--by <who>', 'who makes the change (default: you)')
    .option('--dry-run', 'show the rule and the series it would cover now, change nothing')
    .option('--json', 'print JSON')
}

async function list({ json = false }: Output): Promise<void> {
  const { DEFAULT_DETECTOR, DEFAULT_PERCENT_THRESHOLD } = readEnv({
    DEFAULT_DETECTOR: settings.DEFAULT_DETECTOR,
    DEFAULT_PERCENT_THRESHOLD: settings.DEFAULT_PERCENT_THRESHOLD,
  })
  const written = await withDatabase((database) => listRules(database, readMaxWindow()))
  const rows = [...written, ...listDefaultRules(DEFAULT_DETECTOR, DEFAULT_PERCENT_THRESHOLD)]
  printRows(json ? rows : rows.map(({ definition: _, ...row }) => row), json, ['since'])
}

async function add(options: Options): Promise<void> {
  if (options.name === undefined) throw new UsageError('A new rule needs --name.')
  const result = await withDatabase(async (database) => {
    const trial = options.backtest === undefined ? undefined : await tryNew(database, options, options.backtest)
    const added = await database.transaction(async (tx) => {
      await lockRules(tx)
      const definition = readRuleOptions(options, await readScope(tx, options), null)
      const rules = await readOwnRules(tx)
      requireOther(rules, definition)
      const row = await check(tx, { rule_id: newRuleId, version: 1, definition })
      const all = [...rules, row]
      const covers = await countCovered(tx, compileRules(all, readMaxWindow()), row.rule_id)
      const rule_id = options.dryRun ? null : await addRule(tx, definition, nameOfCaller(options.by))
      return { rule_id, version: 1, definition, covers }
    })
    return { ...added, ...(trial && { backtest: trial }) }
  })
  printChange(result.rule_id === null ? 'Would add' : `Added ${result.rule_id}:`, result, options)
}

/** What the rule that the options describe would have told. */
async function tryNew(database: Database, options: Options, since: string): Promise<RuleTrial> {
  const definition = readRuleOptions(options, await readScope(database, options), null)
  const row = await check(database, { rule_id: newRuleId, version: 1, definition })
  return tryRule(readEnv(commandSettings), database, row, since)
}

async function edit(rule: string, options: Options): Promise<void> {
  const result = await change(rule, options, async (tx, before) =>
    readRuleOptions(options, await readScope(tx, options), before),
  )
  printChange(options.dryRun ? `Would change ${result.rule_id} to` : `Changed ${result.rule_id} to`, result, options)
}

async function disable(rule: string, options: Output & { by?: string }): Promise<void> {
  const { rule_id, version } = await change(rule, options, (_, before) => {
    if (!before.enabled) throw new UsageError(`${rule} is already switched off.`)
    return { ...before, enabled: false }
  })
  printResult({ rule_id, version }, `Switched ${rule_id} off.`, options.json ?? false)
}

/** Writes the next version of a rule: what `next` makes of the newest one. */
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
      if (!before) throw new UsageError(`${rule_id} cannot be changed: ${findProblem(known, readMaxWindow())}.`)
      const definition = await next(tx, before)
      if (isDeepStrictEqual(definition, before))
        throw new UsageError(`Nothing to change: ${rule_id} already is that way.`)
      const row = await check(tx, { rule_id, version: known.version + 1, definition })
      const all = rules.map((one) => (one.rule_id === rule_id ? row : one))
      const covers = await countCovered(tx, compileRules(all, readMaxWindow()), rule_id)
      if (!options.dryRun) await writeVersion(tx, { ...row, definition }, before, nameOfCaller(options.by))
      return { rule_id, version: row.version, definition, covers }
    }),
  )
}

function check(tx: Pick<Database, 'any'>, rule: Omit<OwnRow, 'bucketCompanies'>): Promise<OwnRow> {
  return checkRule(tx, rule, readMaxWindow())
}

function readMaxWindow(): number {
  return readEnv({ MAX_WINDOW: settings.MAX_WINDOW }).MAX_WINDOW
}

type Changed = {
  rule_id: string | null
  version: number
  definition: RuleDefinition
  covers: Covered
  backtest?: RuleTrial
}

function printChange(
  done: string,
  { definition, ...result }: Changed,
  { dryRun = false, json = false, backtest: since = '' }: Options,
): void {
  const { series, companies, measurements } = result.covers
  const fires = `It fires on ${describeRule(definition)}, for ${describeScope(definition.scope)}.`
  const covers = `It covers ${series} series now (companies: ${companies}, measurements: ${measurements}).`
  const trial = result.backtest ? `\n${describeTrial(result.backtest, since)}` : ''
  const shown = dryRun ? `\n${JSON.stringify(definition, null, 2)}` : ''
  printResult(
    { ...result, definition },
    `${done} ${JSON.stringify(definition.name)}.\n${fires}\n${covers}${trial}${shown}`,
    json,
  )
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
