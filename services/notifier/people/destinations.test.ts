import { describe, expect, test } from 'vitest'
import { addressAll } from './destinations.ts'
import type { Member } from './recipients.ts'

function memberOf(user: number, type: string, destination: string, secret_id: string | null = null): Member {
  return {
    company_id: 1,
    user_id: user,
    user_name: `User ${user}`,
    channel_type: type,
    destination,
    secret_id,
    through: 'acme',
  }
}

describe('addressAll', () => {
  test('people who share a destination get one message there', () => {
    const members = [
      memberOf(1, 'EMAIL', 'team@example.com'),
      memberOf(2, 'EMAIL', ' Team@Example.com'),
      memberOf(1, 'SLACK', '#team'),
    ]
    expect(addressAll(members)).toEqual([
      {
        ...{ channel: 'EMAIL', address: 'team@example.com', secretId: '', problem: null },
        people: [
          { id: 1, name: 'User 1', through: ['acme'] },
          { id: 2, name: 'User 2', through: ['acme'] },
        ],
      },
      {
        channel: 'SLACK',
        address: 'team',
        secretId: '',
        people: [{ id: 1, name: 'User 1', through: ['acme'] }],
        problem: null,
      },
    ])
  })

  test('two rows of one destination are one', () => {
    expect(addressAll([memberOf(1, 'SLACK', 'team'), memberOf(1, 'SLACK', '#team')])).toMatchObject([
      { address: 'team', people: [{ id: 1 }] },
    ])
  })

  test('channels of one name in two Slack workspaces are two; e-mail needs no secret', () => {
    expect(addressAll([memberOf(1, 'SLACK', 'team', 'bot-a'), memberOf(1, 'SLACK', 'team', 'bot-b')])).toHaveLength(2)
    expect(addressAll([memberOf(1, 'EMAIL', 'a@b.example', 'x'), memberOf(1, 'EMAIL', 'a@b.example')])).toHaveLength(1)
  })

  test.each([
    ['EMAIL', 'not an address', '"not an address" is not one e-mail address such as ann@example.com'],
    [
      'EMAIL',
      'a@b.example\r\nBcc: all@b.example',
      '"a@b.example Bcc: all@b.example" is not one e-mail address such as ann@example.com',
    ],
    [
      'EMAIL',
      'a@b.example, c@d.example',
      '"a@b.example, c@d.example" is not one e-mail address such as ann@example.com',
    ],
    ['EMAIL', 'Ann <a@b.example>', '"Ann <a@b.example>" is not one e-mail address such as ann@example.com'],
    [
      'SLACK',
      'https://evil.example',
      '"https://evil.example" is not a Slack channel: give its id, or its name in lower case without #',
    ],
    ['PIGEON', 'roof', 'there is no channel of type PIGEON'],
  ])('%s %j is kept with its problem, and costs the others nothing', (type, destination, problem) => {
    const [bad, good] = addressAll([memberOf(1, type, destination), memberOf(2, 'SLACK', 'zzz')]).sort((a) =>
      a.problem ? -1 : 1,
    )
    expect(bad?.problem).toBe(problem)
    expect(good).toMatchObject({ address: 'zzz', problem: null })
  })
})
