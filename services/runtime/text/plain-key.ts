// Differences of writing that mean nothing in what identifies a thing. The normalizer makes keys by these, and the analyzer
// compares keys of before by them.

/** An integer without the fraction that some languages write: 201 for 201.0. */
export function plainNumber(text: string): string {
  return text.replace(/^(-?(?:0|[1-9]\d*))\.0+$/, '$1')
}

/** Without slashes at the end, except those of `https://`. */
export function withoutEndSlashes(text: string): string {
  return text.replace(/(?<=[^/:])\/+$/, '')
}
