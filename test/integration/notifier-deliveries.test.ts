import { describe, expect, test } from 'vitest'
import { commands } from '../../services/notifier/commands.ts'
import { unique } from '../harness/mailbox.ts'
import { channelsOf, startChannels } from '../harness/notifier/channels.ts'
import { addPerson, deliveriesOf, groupOf, sendNews, settledStates } from '../harness/notifier/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const { installation, database, source, slack, sendGrid, mailFates, addCompanyFor, addReached, outcomeOf, textsAt } =
  await startChannels()

const beginning = (text: string) => text.split('\n')[0]

/** The mail to an address that begins with this line, once it arrives. Administrators also get mails about other tests. */
function mailAt(address: string, line: string): Promise<string> {
  return waitFor(`"${line}" at ${address}`, async () =>
    (await textsAt(address, 0)).find((text) => beginning(text) === line),
  )
}

describe('a destination that takes nothing', () => {
  test('is parked; its recipients and the administrators are notified elsewhere', async () => {
    const { company, name, address, channel } = await addReached()
    slack.openRoom(channel, { isArchived: true })
    const root = `root-${address}`
    await addPerson(database, {
      role: 'ADMIN',
      companies: [company],
      channels: [
        { type: 'EMAIL', destination: root },
        { type: 'SLACK', destination: channel },
      ],
    })
    await sendNews(installation, groupOf(company, source, 1))
    const headline = `${name}: Stars number 0 rose`
    const parked = `No more messages to SLACK ${channel}`
    expect((await textsAt(address, 2)).map(beginning).sort()).toEqual([headline, parked].sort())
    expect(await mailAt(root, `Operations: SLACK ${channel}, destination-parked`)).toContain('is_archived')
    await mailAt(root, headline)

    await sendNews(installation, groupOf(company, source, 1))
    await textsAt(address, 3)
    expect(slack.calls('chat.postMessage', channel)).toBe(1)
    const waiting = (await deliveriesOf(database, company)).filter((one) => one.address === channel)
    expect(waiting).toMatchObject(Array(2).fill({ state: 'pending', is_due: true }))

    const [{ id }] = await channelsOf(channel)
    await expect(runCommand(commands.channels, 'test', String(id))).rejects.toThrow(/failed: .*is_archived/)
    slack.openRoom(channel)
    expect(await runCommand(commands.channels, 'test', String(id))).toMatchObject({ id, state: 'sent' })
    // The administrator gets messages there, too.
    const posts = () => slack.postsIn(channel).map(({ text }) => text)
    await waitFor('what waited', () => posts().filter((text) => text === headline).length === 2)
    expect(posts()[0]).toBe('Test message from parma-analytics')
    await mailAt(root, `Operations: resolved: SLACK ${channel}, destination-parked`)
    expect(await channelsOf(channel)).toMatchObject(Array(2).fill({ state: 'ok' }))
  })

  test('works again when somebody says so', async () => {
    const room = unique('room')
    const company = await addCompanyFor({ type: 'SLACK', destination: room })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    slack.openRoom(room)
    const [{ id, state }] = await channelsOf(room)
    expect(state).toBe('parked')
    expect(await runCommand(commands.channels, 'unpark', String(id))).toEqual({ unparked: 1 })
    expect(await outcomeOf(company)).toBe('sent')
    expect(slack.postsIn(room)).toHaveLength(1)
  })

  test('that its people have unsubscribed gets nothing', async () => {
    const { company, address, channel } = await addReached()
    await database.query(
      `INSERT INTO notifier.destination (channel, address, unsubscribed_at) VALUES ('EMAIL', $1, now())`,
      [address],
    )
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(database, company, 2)).toEqual(['failed', 'sent'])
    expect((await deliveriesOf(database, company))[0]?.reason).toBe('unsubscribed')
    expect([sendGrid.calls(address), slack.postsIn(channel).length]).toEqual([0, 1])
    const [{ id }] = await channelsOf(address)
    await expect(runCommand(commands.channels, 'test', String(id))).rejects.toThrow('its recipients have unsubscribed')
  })
})

describe('deliveries', () => {
  type Listed = { id: number; state: string; attempts: number; reason: string | null; resend: string }
  const parma = <T>(...args: string[]) => runCommand<T>(commands.deliveries, ...args)

  test('are listed, shown with every attempt, and sent again once, where they failed', async () => {
    const { company, name, address, channel } = await addReached()
    mailFates.set(address, [{ status: 401 }, { status: 400, body: 'bad' }])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(database, company, 2)).toEqual(['failed', 'sent'])
    const ofCompany = ['--company', String(company)]
    const rows = await parma<Listed[]>('ls', ...ofCompany)
    expect(rows).toHaveLength(2)
    const [failed] = await parma<Listed[]>('ls', ...ofCompany, '--state', 'failed', '--hours', '1')
    expect(failed).toMatchObject({ subject: `${name}: Stars number 0 rose`, destination: address, attempts: 2 })
    const id = String(failed?.id)
    expect(await parma('show', id)).toMatchObject({
      message: { subject: `${name}: Stars number 0 rose` },
      attempts: [
        { action: 'send', outcome: 'retry' },
        { action: 'send', outcome: 'refused', detail: 'SendGrid answered 400: bad' },
      ],
    })
    expect(await installation.parma('deliveries', 'show', id)).toContain('You get this because Ann follows')

    const resend = (...args: string[]) => parma<Listed[]>('resend', ...args)
    expect(await resend(...rows.map((row) => String(row.id)), '--dry-run')).toMatchObject(
      rows
        .map((row) => ({ id: row.id, resend: row.state === 'failed' ? 'yes' : 'no: it is sent' }))
        .toSorted((a, b) => a.id - b.id),
    )
    expect(sendGrid.calls(address)).toBe(2)
    expect(await resend('--state', 'failed', ...ofCompany)).toMatchObject([{ id: failed?.id, resend: 'yes' }])
    expect(await settledStates(database, company, 2)).toEqual(['sent', 'sent'])
    expect(await resend(id)).toMatchObject([{ resend: 'no: it is sent' }])
    expect([sendGrid.mailsTo(address).length, slack.postsIn(channel).length]).toEqual([1, 1])
    await expect(resend()).rejects.toThrow('Give ids of deliveries, or --state')
    await expect(resend(id, '999999')).rejects.toThrow('There is no delivery 999999')
  })

  test('that may have arrived are sent again when that is wanted, those to impossible places never', async () => {
    const { company, address } = await addReached()
    await addPerson(database, {
      companies: [company],
      channels: [{ type: 'EMAIL', destination: `${address}\r\nBcc: all@example.com` }],
    })
    mailFates.set(address, ['lose-answer'])
    await sendNews(installation, groupOf(company, source, 1))
    expect((await settledStates(database, company, 3)).sort()).toEqual(['failed', 'sent', 'unknown'])
    const all = await parma<Listed[]>('ls', '--company', String(company))
    const given = all.filter(({ state }) => state !== 'sent').map(({ id }) => String(id))
    const judged = await parma<Listed[]>('resend', ...given)
    expect(judged.map(({ resend }) => resend).sort()).toEqual([
      'no: the destination cannot be used',
      'yes, though it may have arrived',
    ])
    expect((await settledStates(database, company, 3)).sort()).toEqual(['failed', 'sent', 'sent'])
    expect(sendGrid.mailsTo(address)).toHaveLength(2)
  })
})
