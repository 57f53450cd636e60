import { afterAll, afterEach, onTestFinished } from 'vitest'
import { expectNoLeaks } from './leaks.ts'

/** How the test ended; for what belongs to a file, how any of its tests ended. */
type Ending = { failed: boolean }
type Clean = (ending: Ending) => Promise<void> | void

const ofFile: Clean[] = []
let anyFailed = false

/**
 * Runs `clean` when the calling test is over, or the file when called from `beforeAll` or its top. The last one
 * registered runs first; all run even when one fails. Not for `test.concurrent`.
 */
export function onCleanup(clean: Clean): void {
  try {
    onTestFinished(({ task }) => clean({ failed: task.result?.state === 'fail' }))
  } catch {
    // Vitest throws when no test runs, and has no other way to ask.
    ofFile.push(clean)
  }
}

afterEach(({ task }) => {
  anyFailed ||= task.result?.state === 'fail'
})

afterAll(async () => {
  const scope = new AsyncDisposableStack()
  scope.defer(() => expectNoLeaks())
  for (const clean of ofFile) scope.defer(async () => clean({ failed: anyFailed }))
  await scope.disposeAsync()
})
