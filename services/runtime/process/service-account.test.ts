import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { projectOf, readAccount, serviceAccount, withAccountFile } from './service-account.ts'

const account = { client_email: 'a@b.example', private_key: 'pem' }

test('the file of before stands in for a variable that is not set, if it is there', () => {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  expect(withAccountFile({}, 'IT', dir, 'it.json')).toEqual({})
  writeFileSync(join(dir, 'it.json'), '{}')
  expect(withAccountFile({}, 'IT', dir, 'it.json')).toEqual({ IT_FILE: join(dir, 'it.json') })
  for (const env of [{ IT: 'text' }, { IT_FILE: 'mine.json' }])
    expect(withAccountFile(env, 'IT', dir, 'it.json')).toEqual(env)
})

test('an account is read from its JSON text, and what is none is named', () => {
  expect(readAccount(serviceAccount, 'IT', JSON.stringify({ ...account, type: 'service_account' }))).toEqual(account)
  for (const text of ['', 'text', '[]', JSON.stringify({ ...account, private_key: 1 })])
    expect(() => readAccount(serviceAccount, 'IT', text)).toThrow('IT is not the JSON text of a service account')
})

test('a project is the one that is given, else that of the account', () => {
  const names = { project: 'PROJECT', account: 'IT' }
  const owner = { ...account, project_id: 'p2' }
  expect(projectOf('p1', owner, names)).toBe('p1')
  expect(projectOf(undefined, owner, names)).toBe('p2')
  expect(() => projectOf(undefined, account, names)).toThrow('PROJECT is missing, and IT has no project_id.')
  expect(() => projectOf(undefined, null, names)).toThrow('PROJECT is missing.')
})
