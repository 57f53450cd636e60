/** The pages of the desk, in the order of its navigation. The first is where `Desk` leads. */
export const deskLinks = [
  ['sources', 'Sources', '/console/sources'],
  ['freshness', 'Freshness', '/console/freshness'],
] as const satisfies readonly (readonly [page: string, text: string, path: string])[]

export type DeskPage = (typeof deskLinks)[number][0]
