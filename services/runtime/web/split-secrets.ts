/** The secrets of a setting that takes several with commas between them, so that one can replace another. */
export function splitSecrets(text: string): string[] {
  return text.split(',').map((part) => part.trim())
}
