/** A module's text on one line, at most `longest` characters, and without U+0000, which Postgres cannot store. */
export function quote(text: string, longest: number): string {
  return text
    .slice(0, 10 * longest)
    .replaceAll(/[\s\0]+/g, ' ')
    .trim()
    .slice(0, longest)
    .toWellFormed()
}
