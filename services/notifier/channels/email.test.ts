import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { makeUnsubscribeLink } from '#runtime/web/signed-links.ts'
import { composeNews, type NewsItem } from '../message/compose.ts'
import type { DrawnChart } from '../charts/draw-chart.ts'
import { readConfig } from '../config.ts'
import type { Delivery } from './channel.ts'
import { composeMail, email, judgeSmtpError } from './email.ts'

const notificationId = '11111111-1111-4111-8111-111111111111'

function newsOf(company: string): NewsItem {
  return {
    ...{
      news_id: '22222222-2222-4222-8222-222222222222',
      group_index: 0,
      severity: 'critical' as const,
      title: 'Stars fell',
    },
    ...{ group_id: '33333333-3333-4333-8333-333333333333', company_id: 1, company, source: 'npm' },
    ...{ message: 'Stars fell.', trigger_factor: -50, previous: '100', current: '50', observed_at: 0 },
  }
}

function deliveryOf(company: string): Delivery {
  const message = composeNews([newsOf(company)], 30, () => null)
  return {
    deliveryId: 7,
    notificationId,
    kind: 'news',
    address: 'ann@example.com',
    secretId: null,
    message,
    why: 'Because.',
    actor: null,
    follows: null,
    linksUntil: 0,
    createdAt: 0,
    claimedAt: 0,
  }
}
const config = { EMAIL_FROM: 'parma@parma.example' }

describe('composeMail', () => {
  test('has text and HTML with both numbers, one recipient, and the same message id at every attempt', async () => {
    const mail = await simpleParser(await composeMail(config, deliveryOf('acme')))
    expect(mail).toMatchObject({ subject: 'acme: Stars fell', messageId: `<${notificationId}.7@parma.example>` })
    expect(mail.text).toContain('100 → 50 (-50%)')
    expect(mail.html).toContain('100 → 50 (-50%)')
    expect([mail.to].flat().map((to) => to?.text)).toEqual(['ann@example.com'])
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated')
    const again = await simpleParser(await composeMail(config, deliveryOf('acme')))
    expect(again.messageId).toBe(mail.messageId)
  })

  test('refers to the mail that it follows', async () => {
    const follows = { deliveryId: 3, notificationId: '44444444-4444-4444-8444-444444444444', reference: 'ok' }
    const mail = await simpleParser(await composeMail(config, { ...deliveryOf('acme'), follows }))
    const earlier = `<${follows.notificationId}.3@parma.example>`
    expect([mail.references, mail.inReplyTo]).toEqual([earlier, earlier])
  })

  test('says how to end them with one click, where links are set up', async () => {
    const links = { ...config, PUBLIC_URL: 'https://parma.example', LINK_SECRET: 's'.repeat(32) }
    const link = makeUnsubscribeLink(links, { notificationId, deliveryId: 7 })
    const headersOf = async (settings: Parameters<typeof composeMail>[0]) => {
      const { headerLines } = await simpleParser(await composeMail(settings, deliveryOf('acme')))
      const found = headerLines.filter(({ key }) => key.startsWith('list-'))
      // Long headers are folded, https://www.rfc-editor.org/rfc/rfc5322#section-2.2.3
      return found.map(({ line }) => line.replaceAll(/\r?\n(?=\s)/g, ''))
    }
    const post = 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'
    expect(await headersOf(links)).toEqual([`List-Unsubscribe: <${link}>`, post])
    expect(await headersOf({ ...links, UNSUBSCRIBE_MAILBOX: 'stop@parma.example' })).toEqual([
      `List-Unsubscribe: <${link}>, <mailto:stop@parma.example?subject=unsubscribe>`,
      post,
    ])
    expect(await headersOf(config)).toEqual([])
  })

  test('whatever was crawled, the headers are ours alone', async () => {
    const namesOf = async (text: string) =>
      (await simpleParser(await composeMail(config, deliveryOf(text)))).headerLines.map(({ key }) => key)
    const names = await namesOf('acme')
    const anyText = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(10, 13, 58, 60, 44, 34)))
    await fc.assert(
      fc.asyncProperty(anyText, async (units) => {
        expect(await namesOf(String.fromCharCode(...units))).toEqual(names)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test.each([
    ...[
      '=?utf-8?q?caf=C3=A9?=',
      '=?UTF-8?B?YWNtZQ==?=',
      'a=?utf-8?q?b?=c',
      '=?utf-8?q?a?= =?utf-8?q?b?=',
      '=?x?=',
      '=?',
    ],
    ...['=?utf-8?q?caf=C3=A9?= GmbH', 'The =?UTF-8?B?YWNtZQ==?= company', '=?utf-8?q?x=0ABcc:_a@b?= x'],
    `${'n'.repeat(70)} =?utf-8?q?b?= c`,
    ...['=?utf-8?q?caf=C3=A9?= GmbH & Söhne', 'a =20 b', '=?iso-8859-1*en?q?=E4?=', '"acme"', 'Ärzte 🚀 ='.repeat(8)],
  ])('a company called %j arrives as typed', async (company) => {
    const bytes = (await composeMail(config, deliveryOf(company))).toString()
    const mail = await simpleParser(bytes)
    const subject = composeNews([newsOf(company)], 30, () => null).subject
    expect(mail.subject).toBe(subject)
    expect(/^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(bytes)?.[1]).toMatch(/^[ -~\r\n]*$/)
  })

  test.each([
    'x\r\nBcc: all@example.com\r\n\r\nbody',
    '=?utf-8?q?x=0ABcc:all@example.com?=',
    'n'.repeat(10_000),
    '株式会社 🚀',
    '<script>',
  ])('a company called %j adds no header, recipient or tag', async (company) => {
    const plain = await simpleParser(await composeMail(config, deliveryOf('acme')))
    const mail = await simpleParser(await composeMail(config, deliveryOf(company)))
    expect([...mail.headers.keys()]).toEqual([...plain.headers.keys()])
    expect(mail.subject?.length).toBeLessThanOrEqual(140)
    expect(mail.html).not.toContain('<script')
  })
})

describe('a mail with a chart', () => {
  const [light, dark] = ['89504e47', '89504e48'].map((hex) => ({
    png: Buffer.from(hex, 'hex'),
    width: 312,
    height: 200,
  }))
  const text = 'acme: stars: 3 values. Highest 9 "now" <b>.'
  const composeWith = (drawn: Partial<DrawnChart>, delivery = deliveryOf('acme')) => {
    const chart = { text: null, light: null, dark: null, ...drawn }
    return composeMail(config, delivery, new Map([[delivery.message.lines[0]!, chart]]))
  }

  test('has the pictures within its HTML, for light and dark, and what they say in its text', async () => {
    const mail = await simpleParser(await composeWith({ text, light, dark }), { keepCidLinks: true })
    const cidOf = (theme: string) => `${theme}.1.${notificationId}@parma.example`
    expect(mail.attachments).toMatchObject(
      [light, dark].map((picture, index) => ({
        ...{ contentType: 'image/png', contentDisposition: 'inline', related: true, content: picture?.png },
        ...{ filename: ['light-1.png', 'dark-1.png'][index], cid: cidOf(['light', 'dark'][index]!) },
      })),
    )
    expect(mail.html).toContain(
      `<source srcset="cid:${cidOf('dark')}" media="(prefers-color-scheme:dark)"><img class="c" src="cid:${cidOf('light')}" alt="acme: stars: 3 values. Highest 9 &quot;now&quot; &lt;b&gt;."`,
    )
    expect(mail.html).not.toMatch(/https?:/)
    expect(mail.text).toContain(`\n\nChart of ${text}\n\n`)
  })

  test('whose picture cannot be made has only the text, and without that nothing', async () => {
    const said = await simpleParser(await composeWith({ text }))
    expect([said.attachments, said.text?.includes(text), String(said.html).includes('<img')]).toEqual([[], true, false])
    const half = await simpleParser(await composeWith({ text, light }))
    expect([half.attachments.length, String(half.html).includes('<source')]).toEqual([1, false])
    const plain = (await composeMail(config, deliveryOf('acme'))).toString().replaceAll(/-+_NmP[^"\r]*|^Date: .*/gm, '')
    const none = await composeWith({})
    expect(none.toString().replaceAll(/-+_NmP[^"\r]*|^Date: .*/gm, '')).toBe(plain)
  })

  test('stays below 100 kB without the picture', async () => {
    const sentence = 'Stars of a repository with a long name rose from 100 to 150. '.repeat(8)
    const news = Array.from({ length: 30 }, (_, index) => ({
      ...newsOf('acme'),
      title: `${index} ${sentence}`,
      message: sentence,
    }))
    const message = composeNews(news, 30, (id) => `https://parma.example/why/${id}?until=1&signature=${'x'.repeat(43)}`)
    const mail = await composeWith({ text: text.repeat(10), light, dark }, { ...deliveryOf('acme'), message })
    expect(mail.length).toBeLessThan(100_000)
  })
})

describe('judgeSmtpError', () => {
  const errorOf = (fields: object) => Object.assign(new Error('it broke'), fields)
  const refusal = (responseCode: number, response: string, command = 'RCPT TO') => {
    return errorOf({ code: 'EENVELOPE', command, responseCode, response, permanent: true })
  }
  test.each([
    [550, '550 no such user', 'RCPT TO', 'destination'],
    [550, '550 5.1.1 no such user', 'RCPT TO', 'destination'],
    [550, '550 5.2.1 mailbox disabled', 'RCPT TO', 'destination'],
    [552, '552 5.2.2 mailbox full', 'RCPT TO', 'message'],
    [550, '550 5.7.1 we do not like your network', 'RCPT TO', 'message'],
    [550, '550 5.1.8 bad sender', 'MAIL FROM', 'message'],
  ])('a refused recipient is no more written to unless it is for something else: %s %s to %s', (...args) => {
    const [code, response, command, concerns] = args
    expect(judgeSmtpError(refusal(code, response, command), false)).toMatchObject({ kind: 'refused', concerns })
  })

  test.each([
    ['no connection', { code: 'ESOCKET', command: 'CONN', originalCode: 'ECONNREFUSED' }, false, 'retry'],
    ['cut off before the text', { code: 'ECONNECTION', command: 'CONN' }, false, 'retry'],
    ['cut off after the text', { code: 'ECONNECTION', command: 'CONN' }, true, 'lost'],
    ['silent after the text', { code: 'ETIMEDOUT', command: 'CONN' }, true, 'lost'],
    ['refused login', { code: 'EAUTH', responseCode: 535, permanent: true }, false, 'retry'],
    ['refused greeting', { code: 'EPROTOCOL', responseCode: 554, permanent: true }, false, 'retry'],
    ['unknown recipient', { code: 'EENVELOPE', responseCode: 550, permanent: true }, false, 'refused'],
    ['greylisted recipient', { code: 'EENVELOPE', responseCode: 451, permanent: false }, false, 'retry'],
    ['address our library refuses', { code: 'EENVELOPE' }, false, 'refused'],
    ['text refused for good', { code: 'EMESSAGE', responseCode: 554, permanent: true }, true, 'refused'],
    ['text refused for now', { code: 'EMESSAGE', responseCode: 452, permanent: false }, true, 'retry'],
    ['server closing after the text', { code: 'ECONNECTION', responseCode: 421, permanent: false }, true, 'retry'],
    ['a reply that makes no sense', { code: 'EMESSAGE', responseCode: 354, permanent: false }, true, 'lost'],
  ])('%s', (_, fields, textAskedFor, kind) => {
    expect(judgeSmtpError(errorOf(fields), textAskedFor)).toMatchObject({ kind, reason: 'it broke' })
  })
})

test.each(['ann@example.com', ' Ann@Example.COM ', "o'neil+x@sub.example.co.uk"])('%j is an address', (text) => {
  expect(email.parse(text)).toBe(text.trim().toLowerCase())
})

test.each([
  ['ann@bücher.example', 'ann@xn--bcher-kva.example'],
  ['Ann@BÜCHER.Example', 'ann@xn--bcher-kva.example'],
  ['ann@bu\u0308cher.example', 'ann@xn--bcher-kva.example'],
  ['ann@xn--bcher-kva.example', 'ann@xn--bcher-kva.example'],
  ['ann@пример.рф', 'ann@xn--e1afmkfd.xn--p1ai'],
  ['ann@XN--E1AFMKFD.XN--P1AI', 'ann@xn--e1afmkfd.xn--p1ai'],
  ['ann@例え.テスト', 'ann@xn--r8jz45g.xn--zckzah'],
  ['ann@straße.example', 'ann@xn--strae-oqa.example'],
])('%s is the mailbox %s, to the server too', async (text, mailbox) => {
  expect(email.parse(text)).toBe(mailbox)
  expect(email.parse(mailbox)).toBe(mailbox)
  const mail = (await composeMail(config, { ...deliveryOf('acme'), address: mailbox })).toString()
  expect(mail).toContain(`\r\nTo: ${mailbox}\r\n`)
})

test.each(['parma@bücher.example', 'parma@xn--bcher-kva.example', 'parma@пример.рф'])(
  'mails can come from %s',
  async (text) => {
    const servers = { KAFKA_BROKERS: 'b:1', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: 'postgres://d' }
    const { EMAIL_FROM, UNSUBSCRIBE_MAILBOX } = readConfig({ ...servers, EMAIL_FROM: text, UNSUBSCRIBE_MAILBOX: text })
    expect([EMAIL_FROM, UNSUBSCRIBE_MAILBOX]).toEqual([email.parse(text), email.parse(text)])
    const mail = (await composeMail({ EMAIL_FROM }, deliveryOf('acme'))).toString()
    expect(mail).toContain(`From: "parma-analytics" <${email.parse(text)}>`)
    expect(mail).toContain(`Message-ID: <${notificationId}.7@${email.parse(text).split('@')[1]}>`)
  },
)

test.each([
  '',
  'ann',
  'ann@1.2.3.4',
  'ann\u212a@example.com',
  'änn@example.com',
  'ann@bücher',
  'ann@xn--bücher.example',
  'ann@exa%6dple.com',
  'ann@bücher.example/x',
  'ann@bü cher.example',
  'ann@bücher.example:25',
  `ann@${'ü'.repeat(70)}.example`,
  'ann@-bücher.example',
  'ann@bob@bücher.example',
  '@example.com',
  'a@b',
  'a b@example.com',
  'a@example.com;b@example.com',
  `${'a'.repeat(250)}@example.com`,
  '"a"@example.com',
])('%j is none', (text) => {
  expect(() => email.parse(text)).toThrow('is not one e-mail address')
})
