import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { payloadRemedies, remedyOf, valueRemedies } from './remedies.ts'

test.each(Object.keys({ ...payloadRemedies, ...valueRemedies }))(
  '%s has a remedy, and stands in the README',
  (reason) => {
    expect(remedyOf(reason)).toMatch(/\.$/)
    expect(readFileSync(join(import.meta.dirname, '../../normalizer/README.md'), 'utf8')).toContain(`\`${reason}\``)
  },
)
