import { type Database, sql } from '#runtime/postgres/database.ts'
import type { PlanSettings } from '../plan/settings.ts'

type Noted = Pick<PlanSettings, 'ALERT_IMPORTANCE' | 'ALERTS_PER_DAY' | 'ALERT_QUIET_HOURS'>

/** Notes what this notifier plans alerts with for people who have set nothing: their page says it (setting_view). */
export async function noteAlertSettings(config: Noted, database: Database): Promise<void> {
  const { ALERT_IMPORTANCE, ALERTS_PER_DAY, ALERT_QUIET_HOURS: hours } = config
  const values = [
    ['ALERT_IMPORTANCE', String(ALERT_IMPORTANCE)],
    ['ALERTS_PER_DAY', String(ALERTS_PER_DAY)],
    ['ALERT_QUIET_HOURS', hours === null ? 'off' : `${timeOf(hours.begins)}-${timeOf(hours.ends)}`],
  ]
  await database.query(sql.unsafe`
    INSERT INTO notifier.digest_setting (name, value)
    SELECT * FROM ${sql.unnest(values, ['text', 'text'])}
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, noted_at = now()`)
}

/** Of minutes since midnight: 20:00. */
function timeOf(minutes: number): string {
  return new Date(minutes * 60_000).toISOString().slice(11, 16)
}
