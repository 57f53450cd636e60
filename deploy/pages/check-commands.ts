import { codeOf, type Page } from './parts.ts'

/** One command of `parma`: `dlq replay`, or `status` where the noun has no verbs. Options are long flags, as `--json`. */
export type KnownCommand = { words: string; options: readonly string[] }

/** Targets of make in code of `page` that the Makefile does not have. */
export function findUnknownTargets(page: Page, targets: ReadonlySet<string>): string[] {
  return codeOf(page).flatMap(({ line, text }) =>
    [...text.matchAll(/(?<![\w-])make ([a-z][a-z-]*)/g)].flatMap(([, target = '']) =>
      targets.has(target) ? [] : [`${page.path}:${line} names make ${target}, which the Makefile does not have`],
    ),
  )
}

/**
 * Commands of `parma` in code of `page` that do not exist, with options they do not have, or that are not called the one
 * way: `npx parma …`.
 */
export function findUnknownCommands(page: Page, commands: readonly KnownCommand[]): string[] {
  return codeOf(page).flatMap(({ line, text }) =>
    [...text.matchAll(/(?<=^|[^\w/.-])(npx )?parma((?: +[^\s|;&)'"`]+)+)/gm)].flatMap(([, npx, rest = '']) => {
      const called = `parma${rest}`
      const problem = judgeCommand(rest.trim().split(/ +/), commands)
      if (problem) return [`${page.path}:${line} names ${called}: ${problem}`]
      return npx === undefined ? [`${page.path}:${line} names ${called}: write npx ${called}`] : []
    }),
  )
}

function judgeCommand(words: readonly string[], commands: readonly KnownCommand[]): string | null {
  const [noun = '', verb = ''] = words
  if (isOpen(noun)) return null
  const ofNoun = commands.filter(({ words }) => words === noun || words.startsWith(`${noun} `))
  if (ofNoun.length === 0) return 'no such command'
  if (ofNoun.some(({ words }) => words === noun)) return judgeOptions(words, ofNoun)
  if (isOpen(verb)) return null
  const ofVerb = ofNoun.filter(({ words }) => words === `${noun} ${verb}`)
  return ofVerb.length === 0 ? `no ${verb} of ${noun}` : judgeOptions(words, ofVerb)
}

/** An option, or a placeholder such as `<command>` or `…`. */
function isOpen(word: string): boolean {
  return word === '' || !/^[a-z]/.test(word)
}

function judgeOptions(words: readonly string[], [command]: readonly KnownCommand[]): string | null {
  const flags = words.flatMap((word) => /^\[?(--[a-z-]+)/.exec(word)?.[1] ?? [])
  const unknown = flags.find((flag) => flag !== '--help' && !command?.options.includes(flag))
  return unknown ? `no option ${unknown}` : null
}
