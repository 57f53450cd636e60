import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { compileMeanings, type Meaning } from './polarity.ts'

const ownRow = z.object({
  source_measurement_id: z.number(),
  polarity: z.enum(['good', 'bad', 'neither']),
  weight: z.number().nullable(),
})
const namedRow = z.object({ name: z.string() })

/** What somebody said that measurements mean, by their ids. Without a weight, that of the name counts. */
export type OwnMeanings = ReadonlyMap<number, Omit<Meaning, 'weight'> & { weight: number | null }>

export async function readOwnMeanings(connection: Pick<Transaction, 'any'>): Promise<OwnMeanings> {
  const rows = await connection.any(sql.type(ownRow)`
    SELECT source_measurement_id, polarity, weight FROM analyzer.own_polarity`)
  return new Map(rows.map(({ source_measurement_id, ...meaning }) => [source_measurement_id, meaning]))
}

/** What a measurement means: what somebody said, else what its name says. */
export function meaningWith(own: OwnMeanings, id: number, byName: Meaning): Meaning {
  const { polarity = byName.polarity, weight = null } = own.get(id) ?? {}
  return { polarity, weight: weight ?? byName.weight }
}

/** Sets what more of a measurement means. */
export function setPolarity({ POLARITY }: { POLARITY: readonly string[] }): Apply<Payload<'analyzer.polarity.set'>> {
  const meaningOf = compileMeanings(POLARITY)
  return async (tx, { measurement, polarity, weight = null }) => {
    const named = await tx.maybeOne(sql.type(namedRow)`
      SELECT measurement_name AS name FROM public.source_measurement WHERE id = ${measurement}`)
    if (!named) throw new RefusedError(`There is no measurement ${measurement}.`)
    const before = (await readOwnMeanings(tx)).get(measurement) ?? null
    const after = polarity === 'default' ? null : { polarity, weight }
    if (after === null)
      await tx.query(sql.unsafe`DELETE FROM analyzer.own_polarity WHERE source_measurement_id = ${measurement}`)
    else
      await tx.query(sql.unsafe`
        INSERT INTO analyzer.own_polarity (source_measurement_id, polarity, weight)
        VALUES (${measurement}, ${after.polarity}, ${after.weight})
        ON CONFLICT (source_measurement_id) DO UPDATE
        SET polarity = excluded.polarity, weight = excluded.weight, changed_at = now()`)
    const meaning = meaningWith(new Map(after ? [[measurement, after]] : []), measurement, meaningOf(named.name))
    // Others read it there, and need not wait for the loop that keeps it.
    await tx.query(sql.unsafe`
      UPDATE analyzer.measurement_meaning SET polarity = ${meaning.polarity}, weight = ${meaning.weight}
      WHERE source_measurement_id = ${measurement}`)
    const words = { good: 'good', bad: 'bad', neither: 'neither good nor bad' }
    return { message: `More of ${named.name} is ${words[meaning.polarity]} now.`, before, after }
  }
}
