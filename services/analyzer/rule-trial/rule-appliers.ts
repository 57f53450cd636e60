import { isDeepStrictEqual } from 'node:util'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import { newRuleId } from '../backtest/asked-rules.ts'
import {
  checkRule,
  insertRule,
  insertVersion,
  lockRules,
  readAskedDefinition,
  requireOther,
  requireSeen,
} from '../rules/change-rules.ts'
import type { OwnRow } from '../rules/compile-rules.ts'
import { readOwnRules } from '../rules/own-rules.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'

type Limits = { MAX_WINDOW: number }

/** Adds a rule, or writes the next version of one that nobody else has changed since. */
export function saveRule({ MAX_WINDOW }: Limits): Apply<Payload<'analyzer.rule.save'>> {
  return async (tx, { rule, version, definition: asked }, { actor }) => {
    const definition = readAskedDefinition(asked)
    if (rule === undefined || version === undefined) {
      await lockRules(tx)
      requireOther(await readOwnRules(tx), definition)
      await checkRule(tx, { rule_id: newRuleId, version: 1, definition }, MAX_WINDOW)
      const id = await insertRule(tx, definition, actor.name)
      return {
        message: `Saved as ${id}. It judges what comes within seconds.`,
        before: null,
        after: { rule: id, ...definition },
      }
    }
    const { rules, known, before } = await requireSeen(tx, rule, version)
    if (isDeepStrictEqual(before, definition)) throw new RefusedError(`${rule} already is that way.`)
    requireOther(rules, definition, rule)
    await writeNext(tx, known, definition, actor.name, MAX_WINDOW)
    return { message: `${rule} is changed. It judges what comes within seconds.`, before, after: definition }
  }
}

async function writeNext(tx: Transaction, known: OwnRow, definition: RuleDefinition, by: string, maxWindow: number) {
  const next = { rule_id: known.rule_id, version: known.version + 1, definition }
  await checkRule(tx, next, maxWindow)
  await insertVersion(tx, next, by)
}

/** Switches a rule on or off. */
export function switchRule({ MAX_WINDOW }: Limits): Apply<Payload<'analyzer.rule.switch'>> {
  return async (tx, { rule, version, enabled }, { actor }) => {
    const { known, before } = await requireSeen(tx, rule, version)
    if (before.enabled === enabled) throw new RefusedError(`${rule} is already ${enabled ? 'on' : 'off'}.`)
    await writeNext(tx, known, { ...before, enabled }, actor.name, MAX_WINDOW)
    const message = enabled ? `${rule} is on again.` : `${rule} is off: it tells nothing until somebody switches it on.`
    return { message, before: { enabled: before.enabled }, after: { enabled } }
  }
}

/**
 * Switches a rule off for a company, a bucket or a source. A rule that names them loses them; otherwise a rule with the
 * same name that never fires there is added, because of rules with one name the narrowest applies.
 */
export function excludeFromRule({ MAX_WINDOW }: Limits): Apply<Payload<'analyzer.rule.exclude'>> {
  return async (tx, { rule, version, company, bucket, source }, { actor }) => {
    const { rules, known, before } = await requireSeen(tx, rule, version)
    const { scope } = before
    const [member, id] =
      company !== undefined
        ? (['companies', company] as const)
        : bucket !== undefined
          ? (['buckets', bucket] as const)
          : (['sources', source!] as const)
    if (scope[member].includes(id)) {
      const left = scope[member].filter((one) => one !== id)
      const others = member === 'sources' ? 0 : scope.companies.length + scope.buckets.length - scope[member].length
      if (left.length + others === 0) throw new RefusedError(`${rule} covers nothing else: switch it off as a whole.`)
      await writeNext(tx, known, { ...before, scope: { ...scope, [member]: left } }, actor.name, MAX_WINDOW)
      return { message: `${rule} no longer names it.`, before: { [member]: scope[member] }, after: { [member]: left } }
    }
    if (member === 'sources' ? scope.sources.length > 0 : member === 'buckets' && scope.companies.length > 0)
      throw new RefusedError(`${rule} names others only, which stay as they are. Nothing was changed.`)
    const narrowed = { ...scope, ...(member === 'companies' ? { companies: [id], buckets: [] } : { [member]: [id] }) }
    const never: RuleDefinition = {
      ...{ name: before.name, when: { kind: 'never' }, window: null, in_a_row: 1, cool_down_days: 0 },
      ...{ severity: null, scope: narrowed, enabled: true },
    }
    requireOther(rules, never)
    await checkRule(tx, { rule_id: newRuleId, version: 1, definition: never }, MAX_WINDOW)
    const added = await insertRule(tx, never, actor.name)
    const message = `${rule} is off there by ${added}, which never fires. Switch ${added} off to undo it.`
    return { message, before: null, after: { rule: added, ...never } }
  }
}
