import { formatCount, formatList } from '#runtime/text/format.ts'
import { minuteMs } from '#runtime/text/time.ts'
import type { ServiceState, Trouble } from '#runtime/offsets/service-states.ts'
import type { BrokerState } from './broker-state.ts'
import type { Facts } from './read-now.ts'

/** One thing that is wrong: since when, why, and the one next step. */
export type Red = {
  what: string
  why: string
  since: number | null
  step: { text: string; href: string } | { text: string; command: string }
  /** `late`: it may pass by itself. */
  look: 'bad' | 'late'
}

/** Unread records that are younger are on their way. */
const patienceMs = minuteMs

/** What is wrong, the worst first: what keeps everything up before what concerns one source. */
export function judgeNow(broker: BrokerState, facts: Facts, now: number): Red[] {
  return [
    ...('error' in broker ? [brokerAway(broker.error)] : judgeServices(broker.states, now)),
    ...judgeEdges(facts.edges),
    ...facts.letters.map(describeLetters),
    ...facts.incidents.filter(({ kind }) => kind !== 'drift').map(describeIncident),
    ...facts.parked.map(({ channel, address, reason, since }): Red => ({
      what: `${channel} ${address} is parked`,
      why: `It gets nothing until somebody unparks it. ${reason}`,
      ...{ since, look: 'bad', step: { text: 'Test and unpark it', href: '/console/deliveries' } },
    })),
    ...facts.waitingMaps.map(({ source_id, name, losses, since }): Red => ({
      what: `A new map of ${name ?? `source ${source_id}`} waits for a yes`,
      why: `It would lose ${formatCount(losses, 'measurement')} with values, or change their type. The map before stays in force.`,
      ...{ since, look: 'late', step: { text: 'Decide', href: `/console/sources/${source_id}/maps#waiting` } },
    })),
    ...facts.incidents.filter(({ kind }) => kind === 'drift').map(describeIncident),
    ...facts.refused.map(({ source_id, name, leaves, since }): Red => ({
      what: `${formatCount(leaves, 'value')} of ${name ?? `source ${source_id}`} could not be stored`,
      why: 'They are kept, and can be understood again when the map or the module is right.',
      ...{ since, look: 'late', step: { text: 'See why', href: `/console/sources/${source_id}#refused` } },
    })),
  ]
}

function brokerAway(error: string): Red {
  return {
    what: 'No Kafka broker answers',
    why: `Nothing is known of the services while that lasts (${error}). Payloads wait at the edge.`,
    ...{ since: null, look: 'bad', step: { text: 'Look at the whole installation', command: 'npx parma status' } },
  }
}

function judgeServices(states: readonly ServiceState[], now: number): Red[] {
  return states.flatMap(({ service, members, lag, mostIn, waitingMs, troubles }): Red[] => {
    const look = { text: 'See its health and log', command: 'npx parma status' }
    const records = formatCount(lag, 'record')
    const since = waitingMs === null ? null : now - waitingMs
    if (members === 0)
      return [
        {
          what: `${service} does not run`,
          why:
            lag > 0
              ? `${records} ${lag === 1 ? 'waits' : 'wait'} for it, most in ${mostIn}.`
              : 'No process of it reads its topics.',
          ...{ since, look: 'bad', step: { text: 'Start it, and see why it ended', command: 'npx parma status' } },
        },
        ...troubles.map((trouble) => describeTrouble(service, trouble)),
      ]
    const isBehind = waitingMs !== null && waitingMs >= patienceMs
    return [
      ...troubles.map((trouble) => describeTrouble(service, trouble)),
      ...(isBehind
        ? [
            {
              what: `${service} is ${records} behind`,
              why: `Most of them are in ${mostIn}. The oldest has waited for at least ${secondsText(waitingMs)}.`,
              since,
              look: 'bad' as const,
              step: look,
            },
          ]
        : []),
    ]
  })
}

/** 90 s as `90 seconds`, an hour as `60 minutes`. */
export function secondsText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 120 ? formatCount(seconds, 'second') : formatCount(Math.round(seconds / 60), 'minute')
}

function describeTrouble(service: string, { topic, partition, kind, count }: Trouble): Red {
  const where = `partition ${partition} of ${topic}`
  const groups = { text: 'See its offsets', command: `npx parma groups ls --service ${service}` }
  const common = { since: null, look: 'bad' as const }
  if (kind === 'paused')
    return {
      ...common,
      what: `${service} has stopped at ${where}`,
      why: `${formatCount(count, 'dead letter')} in a row: something is wrong with all of them. It tries the next record every minute.`,
      step: { text: 'Look at the dead letters', href: `/console/dead-letters?service=${service}` },
    }
  if (kind === 'stuck')
    return {
      ...common,
      what: `${service} does not get past a record`,
      why: `An error that does not pass holds up ${where}.`,
      step: groups,
    }
  if (kind === 'lost')
    return {
      ...common,
      what: `${service} has lost records`,
      why: `Records of ${where} were deleted before they were read (${formatCount(count, 'range')}).`,
      step: { text: 'Accept the loss', command: `npx parma groups accept-loss --service ${service}` },
    }
  return {
    ...common,
    what: `${service} was restarted ${count === 1 ? 'once' : `${count} times`} at one record`,
    why: `Its process ended without an order at ${where}. After five times the record is set aside.`,
    step: groups,
    look: count > 1 ? 'bad' : 'late',
  }
}

function judgeEdges(edges: Facts['edges']): Red[] {
  const waiting = edges.filter(({ waits }) => waits)
  if (waiting.length === 0) return []
  return [
    {
      what: `${formatCount(waiting.length, 'edge')} ${waiting.length === 1 ? 'lets' : 'let'} modules wait`,
      why: `A command holds what modules send: ${formatList(
        waiting.map(({ reason, name }) => reason ?? name),
        3,
      )}.`,
      ...{
        since: null,
        look: 'late',
        step: { text: 'See whether it still runs', command: 'npx parma topics apply --help' },
      },
    },
  ]
}

function describeLetters({ service, letters, oldest }: Facts['letters'][number]): Red {
  return {
    what: `${formatCount(letters, 'dead letter')} of ${service}`,
    why: 'It could not take these records. They are kept for 30 days.',
    ...{ since: oldest, look: 'bad', step: { text: 'Look at them', href: `/console/dead-letters?service=${service}` } },
  }
}

const incidents: Record<string, { word: string; look: Red['look']; anchor: string; step: string }> = {
  'source-down': { word: 'is down', look: 'bad', anchor: '#runs', step: 'See its runs' },
  'suspect-run': {
    word: 'is suspect: its news items are withheld',
    look: 'bad',
    anchor: '#suspect',
    step: 'Decide what becomes of them',
  },
  stale: { word: 'is stale', look: 'bad', anchor: '#runs', step: 'See its runs' },
  due: { word: 'is late', look: 'late', anchor: '#runs', step: 'See its runs' },
  standstill: { word: 'stands still', look: 'late', anchor: '', step: 'Look at it' },
  drift: { word: 'does not fit its map', look: 'late', anchor: '#drift', step: 'See what changed' },
}

function describeIncident({ kind, source_id, name, companies, message, since }: Facts['incidents'][number]): Red {
  const known = incidents[kind] ?? { word: kind.replaceAll('-', ' '), look: 'late', anchor: '', step: 'Look at it' }
  const source = name ?? `source ${source_id}`
  if (companies !== null)
    return {
      what: `${source} ${known.word} for ${companies === 1 ? '1 company' : `${companies} companies`}`,
      ...{ why: companies === 1 ? message : `Such as: ${message}`, since, look: 'late' },
      step: {
        text: 'See which',
        href: `/console/freshness?source=${source_id}&show=${kind === 'due' ? 'late' : 'failing'}`,
      },
    }
  return {
    ...{ what: `${source} ${known.word}`, why: message, since, look: known.look },
    step: { text: known.step, href: `/console/sources/${source_id}${known.anchor}` },
  }
}
