import type { Notice } from '../publish/ops-events.ts'
import { describeLosses, type MapLoss } from './find-losses.ts'

type Named = { id: number; name: string }

/** A map of a handshake waits for a yes. */
export function waitingNotice({ id, name }: Named, losses: readonly MapLoss[]): Notice {
  const message =
    losses.length === 0
      ? `No map of ${name} waits for a yes any more.`
      : `A handshake of ${name} brought a map that ${describeLosses(losses)}. It waits for a yes, as the drift policy of the ` +
        `source says, and the map in force stays. \`parma maps diff waiting --source ${name}\` shows it, ` +
        `\`parma maps approve --source ${name}\` and \`parma maps refuse --source ${name}\` decide.`
  return { kind: 'map-waits', sourceId: id, subject: name, message, facts: { source_name: name, ...factsOf(losses) } }
}

/** A map of a handshake is in force and loses measurements with history. */
export function lossNotice({ id, name }: Named, version: number, losses: readonly MapLoss[]): Notice {
  const message =
    `Version ${version} of the map of ${name}, from a handshake, ${describeLosses(losses)}. Earlier values stay. ` +
    `\`parma maps rollback --source ${name}\` brings the map before back.`
  const facts = { source_name: name, map_version: String(version), ...factsOf(losses) }
  return { kind: 'map-loses', sourceId: id, subject: `version ${version}`, message, facts }
}

function factsOf(losses: readonly MapLoss[]): Record<string, string> {
  return losses.length === 0
    ? {}
    : {
        measurements: losses
          .map(({ name }) => name)
          .slice(0, 20)
          .join(', '),
      }
}
