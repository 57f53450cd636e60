export type Progress = {
  /** Prints a line with the seconds since the start. */
  say(text: string): void
  /** Prints such a line, which in a terminal makes way for the next one. */
  showProgress(text: string): void
}

/** `now`: milliseconds, of whatever origin. */
export function createProgress(output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>, now: () => number): Progress {
  const startedAt = now()
  let isOpen = false
  const print = (text: string, end: string) => {
    const seconds = ((now() - startedAt) / 1000).toFixed(0).padStart(4)
    output.write(`${isOpen ? '\r\u001b[K' : ''}${seconds} s  ${text}${end}`)
    isOpen = end === ''
  }
  return { say: (text) => print(text, '\n'), showProgress: (text) => print(text, output.isTTY ? '' : '\n') }
}
