import { z } from 'zod'
import { type Applied, type Appliers, type Apply, applyNow, RefusedError } from '#runtime/changes/apply-changes.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import type { KindOf, Payload, PayloadInput } from '#runtime/changes/kinds.ts'
import { type Database, sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { ignorePath } from '../incidents/ignore-path.ts'
import { askTrial } from '../map-trial/ask-trial.ts'
import { correctValue } from './correct.ts'
import { countEvents, type Selection } from './find-events.ts'

/** Every change that the normalizer makes. */
export const appliers: Appliers<'normalizer'> = {
  'normalizer.replay.start': startReplay,
  'normalizer.replay.pause': changeState({ from: ['running'], to: 'paused', done: 'pauses' }),
  'normalizer.replay.resume': changeState({ from: ['paused'], to: 'running', done: 'goes on' }),
  'normalizer.replay.cancel': changeState({ from: ['running', 'paused'], to: 'canceled', done: 'has ended' }),
  'normalizer.value.correct': correctValue,
  'normalizer.map.try': askTrial,
  'normalizer.path.ignore': ignorePath,
}

/** Makes a change for a command, as the normalizer makes one that comes from the topic, with its audit row. */
export function makeChange<K extends KindOf<'normalizer'>>(
  database: Database,
  kind: K,
  payload: PayloadInput<K>,
): Promise<Applied> {
  return applyNow(database, 'normalizer', appliers, { kind, payload, actor: commandActor(), at: Date.now() })
}

const nameRow = z.object({ source_name: z.string() })
const noRow = z.object({ replay_no: z.number() })

async function startReplay(
  tx: Transaction,
  asked: Payload<'normalizer.replay.start'>,
  { actor }: Parameters<Apply<unknown>>[2],
) {
  const source = await tx.maybeOneFirst(sql.type(nameRow)`
    SELECT source_name FROM public.data_source WHERE id = ${asked.source}`)
  if (source === null) throw new RefusedError(`There is no data source ${asked.source}.`)
  const selection = selectionOf(asked)
  const { payloads, companies, until_no } = await countEvents(tx, selection)
  if (payloads === 0) throw new RefusedError('There are no payloads of this source, of these companies and this time.')
  const at = (ms: number | null): SqlFragment =>
    ms === null ? sql.fragment`NULL::timestamptz` : sql.fragment`${new Date(ms).toISOString()}::timestamptz`
  const of = selection.companies
  const replayNo = await tx.maybeOneFirst(sql.type(noRow)`
    INSERT INTO normalizer.replay (data_source_id, source_name, companies, observed_from, observed_to, mode, map, rate, reason,
      actor, total, until_no)
    VALUES (${asked.source}, ${source}, ${of === null ? null : sql.array([...of], 'text')}, ${at(selection.observed_from)},
      ${at(selection.observed_to)}, ${asked.mode}, ${String(asked.map)}, ${asked.rate ?? null}, ${asked.reason ?? ''},
      ${actor.name}, ${payloads}, ${until_no})
    ON CONFLICT DO NOTHING RETURNING replay_no`)
  if (replayNo === null) throw new RefusedError(`Another replay of ${source} has not ended yet.`)
  return {
    message: `Replay ${replayNo} of ${source} has begun: ${formatCount(payloads, 'payload')} of ${companies === 1 ? 'one company' : `${companies} companies`}.`,
    before: null,
    after: { ...asked, payloads },
    id: replayNo,
  }
}

export function selectionOf({
  source,
  companies,
  from,
  to,
}: Pick<Payload<'normalizer.replay.start'>, 'source' | 'companies' | 'from' | 'to'>): Selection {
  return {
    data_source_id: source,
    companies: companies === undefined ? null : companies.map(String),
    observed_from: from === undefined ? null : Date.parse(from),
    observed_to: to === undefined ? null : Date.parse(to),
  }
}

type State = 'running' | 'paused' | 'canceled'
const stateRow = z.object({ state: z.string() })

function changeState({ from, to, done }: { from: readonly string[]; to: State; done: string }) {
  return async (tx: Transaction, { replay }: { replay: number }) => {
    const state = await tx.maybeOneFirst(sql.type(stateRow)`
      SELECT state FROM normalizer.replay WHERE replay_no = ${replay} FOR UPDATE`)
    if (state === null) throw new RefusedError(`There is no replay ${replay}.`)
    if (state !== to && !from.includes(state)) throw new RefusedError(`Replay ${replay} is ${state}.`)
    if (state !== to)
      await tx.query(sql.unsafe`
        UPDATE normalizer.replay SET state = ${to}, attempts = 0, leased_until = NULL,
          finished_at = CASE WHEN ${to} = 'canceled' THEN now() END
        WHERE replay_no = ${replay}`)
    return { message: `Replay ${replay} ${done}.`, before: { state }, after: { state: to }, id: replay }
  }
}
