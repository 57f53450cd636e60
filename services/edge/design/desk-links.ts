/** The pages of the desk, in the order of its navigation. The first is where `Desk` leads. */
export const deskLinks = [
  ['now', 'Now', '/console/now'],
  ['sources', 'Sources', '/console/sources'],
  ['freshness', 'Freshness', '/console/freshness'],
  ['events', 'Event', '/console/events'],
  ['dead-letters', 'Dead letters', '/console/dead-letters'],
  ['refused', 'Refused', '/console/refused'],
  ['replays', 'Replays', '/console/replays'],
  ['deliveries', 'Deliveries', '/console/deliveries'],
  ['rules', 'Rules', '/console/rules'],
  ['people', 'People', '/console/people'],
  ['keys', 'Keys', '/console/keys'],
  ['audit', 'Audit', '/console/audit'],
] as const satisfies readonly (readonly [page: string, text: string, path: string])[]

export type DeskPage = (typeof deskLinks)[number][0]
