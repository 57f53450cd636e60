/** What a module wrote, for people: on one line, short, and without U+0000, which Postgres stores in no text. */
export function quote(text: string, longest: number): string {
  return text
    .slice(0, 10 * longest)
    .replaceAll(/[\s\0]+/g, ' ')
    .trim()
    .slice(0, longest)
    .toWellFormed()
}
