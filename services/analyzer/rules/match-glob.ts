/**
 * Whether `text` matches `pattern`, in which * is any text and ? any one character. Case does not count. The time is at
 * most proportional to the product of both lengths.
 */
export function matchGlob(pattern: string, text: string): boolean {
  const [asked, letters] = [[...pattern.toLowerCase()], [...text.toLowerCase()]]
  let [at, star, resume] = [0, -1, 0]
  for (let letter = 0; letter < letters.length;) {
    if (asked[at] === '*') [star, resume] = [at++, letter]
    else if (asked[at] === '?' || asked[at] === letters[letter]) [at, letter] = [at + 1, letter + 1]
    else if (star === -1) return false
    // The last * takes one more letter.
    else [at, letter] = [star + 1, ++resume]
  }
  return asked.slice(at).every((rest) => rest === '*')
}

export const hasWildcard = (pattern: string) => /[*?]/.test(pattern)
