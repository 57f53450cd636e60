/**
 * Whether `text` is as `pattern` says, where * is any text and ? any one letter; case makes no difference. Its time is at
 * most the product of both lengths, whatever the pattern.
 */
export function matchGlob(pattern: string, text: string): boolean {
  const [asked, letters] = [[...pattern.toLowerCase()], [...text.toLowerCase()]]
  let [at, star, resume] = [0, -1, 0]
  for (let letter = 0; letter < letters.length;) {
    if (asked[at] === '*') [star, resume] = [at++, letter]
    else if (asked[at] === '?' || asked[at] === letters[letter]) [at, letter] = [at + 1, letter + 1]
    else if (star === -1) return false
    // What the last * stands for is one letter longer.
    else [at, letter] = [star + 1, ++resume]
  }
  return asked.slice(at).every((rest) => rest === '*')
}

export const hasWildcard = (pattern: string) => /[*?]/.test(pattern)
