import { expect, test } from 'vitest'
import { findFormerSettings, findMissingRooms } from './check-names.ts'

test('settings of before are reported once, in prose and in code', () => {
  const former = new Set(['OLD_ONE', 'OTHER'])
  expect(findFormerSettings({ path: 'a.md', text: 'OLD_ONE and `OLD_ONE`, not `NEW_ONE`' }, former)).toEqual([
    'a.md names OLD_ONE, which is no setting any more',
  ])
})

test('every room is described, and none that does not exist', () => {
  const page = {
    path: 'a.md',
    text: '| room | |\n|---|---|\n| `edge/http` | Requests. |\n| `edge/gone` | Nothing. |\n',
  }
  expect(findMissingRooms(page, ['edge/http', 'edge/trace'])).toEqual([
    'a.md does not describe edge/trace',
    'a.md describes edge/gone, which does not exist',
  ])
})
