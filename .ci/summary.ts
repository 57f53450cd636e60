// Prints how many tests of the last `make test` passed and failed, from its report. A missing or empty report is a
// failure.
import { existsSync, readFileSync } from 'node:fs'

const file = '.cache/test-results.json'
type Report = { numPassedTests: number; numFailedTests: number; numPendingTests: number; success: boolean }

if (!existsSync(file)) {
  console.log('the tests did not run: see the first error above')
  process.exitCode = 1
} else {
  const { numPassedTests, numFailedTests, numPendingTests, success } = JSON.parse(readFileSync(file, 'utf8')) as Report
  console.log(
    `${numPassedTests} passed, ${numFailedTests} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`,
  )
  if (!success || numPassedTests === 0) process.exitCode = 1
}
