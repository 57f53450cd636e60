/** A file of `services/<service>/migrations`. */
export type Migration = { service: string; name: string; text: string }

/** The names with numbers that there are, without `.sql`, by service. */
type Frozen = Readonly<Record<string, readonly string[]>>

const numbered = /^\d{4}_[a-z0-9][a-z0-9_-]*\.sql$/
const stamped = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)_[a-z0-9][a-z0-9-]*\.sql$/

/** A file may be stamped by a clock in another zone, or by one that is a little fast. */
const aheadMs = 86_400_000

/**
 * What is wrong with the names and texts of migrations, one sentence each. The runner sorts by the number at the
 * beginning, so every time-stamped file (`20261129T0310_list-key.sql`, UTC) runs after every numbered one. The numbered
 * ones are `frozen`: there are these and no others.
 */
export function findMigrationFaults(migrations: readonly Migration[], now: number, frozen: Frozen): string[] {
  const taken = new Set<string>()
  const there = new Set(migrations.map(({ service, name }) => `${service}/${name}`))
  const gone = Object.entries(frozen).flatMap(([service, names]) =>
    names
      .filter((name) => !there.has(`${service}/${name}.sql`))
      .map((name) => `services/${service}/migrations/${name}.sql is gone: it has run under this name`),
  )
  const faults = migrations.flatMap(({ service, name, text }) => {
    const path = `services/${service}/migrations/${name}`
    const faults: string[] = []
    if (!numbered.test(name)) faults.push(...findStampFaults(name, now))
    else if (!frozen[service]?.includes(name.replace(/\.sql$/, '')))
      faults.push('is new and has a number: name it by its time in UTC, such as 20261129T0310_list-key.sql')
    const stamp = `${service}/${name.split('_')[0]}`
    if (stamped.test(name) && taken.has(stamp)) faults.push('has the time of another file: give it a later one')
    taken.add(stamp)
    if (!numbered.test(name)) faults.push(...findBreakingStatements(text))
    return faults.map((fault) => `${path} ${fault}`)
  })
  return [...faults, ...gone]
}

function findStampFaults(name: string, now: number): string[] {
  const [, year, month, day, hour, minute] = stamped.exec(name) ?? []
  if (!year) return ['is not named <UTC time>_<what-it-does>.sql, such as 20261129T0310_list-key.sql']
  const iso = `${year}-${month}-${day}T${hour}:${minute}`
  const time = Date.parse(`${iso}Z`)
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(iso)) return ['names a time that does not exist']
  return time > now + aheadMs ? ['names a time in the future: later files would run before it'] : []
}

/**
 * Statements that fail services of the version before, which run until the new ones are there. A file may hold them
 * when a line of it says since when nothing uses what they take away: `-- contract: unused since 0.4.0`.
 */
function findBreakingStatements(text: string): string[] {
  if (/^-- contract: \S/m.test(text)) return []
  const statements = withoutTexts(text)
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim())
  const remade = new Set(statements.flatMap((statement) => [...statement.matchAll(makes)].map(nameOf)))
  const found = statements.flatMap((statement) => [
    ...[...statement.matchAll(drops)].filter((match) => !remade.has(nameOf(match))).map(([drop]) => drop),
    ...breaking.flatMap((pattern) => pattern.exec(statement)?.[0] ?? []),
    ...[...statement.matchAll(addsColumn)]
      .map(([column]) => column)
      .filter((column) => /\bNOT NULL\b/i.test(column) && !/\bDEFAULT\b|\bGENERATED\b/i.test(column)),
  ])
  return found.map(
    (one) =>
      `says "${one.trim()}", on which services of the version before fail: expand first, ` +
      'or write "-- contract: <since when nothing uses it>"',
  )
}

/** What is dropped and made again under its name in one file is a change, for those who use it. */
const drops =
  /\bDROP (?:MATERIALIZED )?(TABLE|VIEW|SCHEMA|TYPE|FUNCTION|INDEX|SEQUENCE|TRIGGER|COLUMN|CONSTRAINT)(?: CONCURRENTLY)?(?: IF EXISTS)? ([\w."]+)/gi
const makes =
  /\b(?:CREATE|ADD)(?: OR REPLACE)?(?: UNIQUE)?(?: MATERIALIZED)? (VIEW|FUNCTION|INDEX|TRIGGER|CONSTRAINT)(?: IF NOT EXISTS)? ([\w."]+)/gi
const addsColumn =
  /\bADD (?:COLUMN )?(?:IF NOT EXISTS )?(?!CONSTRAINT|CHECK|PRIMARY|UNIQUE|FOREIGN|EXCLUDE)[\w"]+ (?:\([^)]*\)|[^,(])*/gi
const breaking = [
  /\bALTER TABLE .*\bDROP (?!NOT NULL|DEFAULT|COLUMN|CONSTRAINT|IF EXISTS|EXPRESSION)[\w"]+/i,
  /\bDROP DEFAULT\b/i,
  /\bRENAME (?:COLUMN |CONSTRAINT |TO )?[\w"]+/i,
  /\bSET NOT NULL\b/i,
  /\bALTER (?:COLUMN )?[\w"]+ (?:SET DATA )?TYPE\b/i,
  /\bSET SCHEMA\b/i,
  /^TRUNCATE\b/i,
]

function nameOf([, kind = '', name = '']: readonly string[]): string {
  return `${kind} ${name}`.toLowerCase()
}

/** Comments and quoted texts say nothing of what a statement does; the bodies of functions neither. */
function withoutTexts(text: string): string {
  return text
    .replaceAll(/--[^\n]*/g, '')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replaceAll(/'(?:[^']|'')*'/g, "''")
}
