import { describe, expect, test } from 'vitest'
import { groupByDestination } from './destinations.ts'
import type { RecipientChannel } from './recipients.ts'

function channelOf(user: number, type: string, destination: string, secret_id: string | null = null): RecipientChannel {
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
    const channels = [
      channelOf(1, 'EMAIL', 'team@example.com'),
      channelOf(2, 'EMAIL', ' Team@Example.com'),
      channelOf(1, 'SLACK', '#team'),
    ]
    expect(groupByDestination(channels)).toEqual([
      {
        ...{ channel: 'EMAIL', address: 'team@example.com', secretId: '', problem: null },
        recipients: [
          { id: 1, name: 'User 1', through: ['acme'] },
          { id: 2, name: 'User 2', through: ['acme'] },
        ],
      },
      {
        channel: 'SLACK',
        address: 'team',
        secretId: '',
        recipients: [{ id: 1, name: 'User 1', through: ['acme'] }],
        problem: null,
      },
    ])
  })

  test('two rows of one destination are one', () => {
    expect(groupByDestination([channelOf(1, 'SLACK', 'team'), channelOf(1, 'SLACK', '#team')])).toMatchObject([
      { address: 'team', recipients: [{ id: 1 }] },
    ])
  })

  test('channels of one name in two Slack workspaces are two; e-mail needs no secret', () => {
    expect(
      groupByDestination([channelOf(1, 'SLACK', 'team', 'bot-a'), channelOf(1, 'SLACK', 'team', 'bot-b')]),
    ).toHaveLength(2)
    expect(
      groupByDestination([channelOf(1, 'EMAIL', 'a@b.example', 'x'), channelOf(1, 'EMAIL', 'a@b.example')]),
    ).toHaveLength(1)
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
    ['PIGEON', 'roof', 'there is no channel type PIGEON'],
  ])('%s %j is kept with its problem, and costs the others nothing', (type, destination, problem) => {
    const [bad, good] = groupByDestination([channelOf(1, type, destination), channelOf(2, 'SLACK', 'zzz')]).sort((a) =>
      a.problem ? -1 : 1,
    )
    expect(bad?.problem).toBe(problem)
    expect(good).toMatchObject({ address: 'zzz', problem: null })
  })
})
