import { codeOf, type Page, proseOf } from './parts.ts'

/** Rooms of services that `page` does not describe; a row of its table begins with `<service>/<room>`. */
export function findMissingRooms(page: Page, rooms: readonly string[]): string[] {
  const described = new Set([...page.text.matchAll(/^\| `([\w-]+\/[\w-]+)` \|/gm)].map(([, room]) => room))
  const missing = rooms.filter((room) => !described.has(room)).map((room) => `${page.path} does not describe ${room}`)
  const gone = [...described].filter((room) => room && !rooms.includes(room))
  return [...missing, ...gone.map((room) => `${page.path} describes ${room}, which does not exist`)]
}

/** Settings of before that `page` names as if they still did something. */
export function findFormerSettings(page: Page, former: ReadonlySet<string>): string[] {
  const words = [proseOf(page), ...codeOf(page).map(({ text }) => text)].flatMap(
    (text) => text.match(/\b[A-Z_]+\b/g) ?? [],
  )
  return [...new Set(words)]
    .filter((name) => former.has(name))
    .map((name) => `${page.path} names ${name}, which is no setting any more`)
}
