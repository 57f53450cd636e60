import { codeOf, type Page, proseOf } from './parts.ts'

/** Settings of before that `page` names as if they still did something. */
export function findFormerSettings(page: Page, former: ReadonlySet<string>): string[] {
  const words = [proseOf(page), ...codeOf(page).map(({ text }) => text)].flatMap(
    (text) => text.match(/\b[A-Z_]+\b/g) ?? [],
  )
  return [...new Set(words)]
    .filter((name) => former.has(name))
    .map((name) => `${page.path} names ${name}, which is no setting any more`)
}
