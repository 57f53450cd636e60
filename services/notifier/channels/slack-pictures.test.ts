import { expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { checkChartLink } from '#runtime/web/signed-links.ts'
import { readConfig } from '../config.ts'
import type { Line } from '../message/message.ts'
import { isPublic, openSlackPictures } from './slack-pictures.ts'

const log = createLog('notifier', 'fatal')
const linksUntil = Date.UTC(2026, 11, 1)
const newsId = '9b6f2f3e-6d0a-4b6e-8f0e-0c2d6f1a7b11'
const secret = 's'.repeat(40)
const line: Line = {
  ...{ mark: '', title: 'acme: stars rose', details: [], newsId },
  chart: {
    title: 'acme: stars',
    mark: 'acme: stars rose',
    points: [
      [0, 1],
      [86_400_000, 2],
    ],
  },
}

function open(PUBLIC_URL: string) {
  const servers = { KAFKA_BROKERS: 'b:1', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: 'postgres://d' }
  const config = readConfig({ ...servers, PUBLIC_URL, LINK_SECRET: secret })
  return openSlackPictures({ config, log })
}

test.each([
  ['https://parma.fund.com', true],
  ['https://parma.fund.com:8443/base', true],
  ['https://8.8.8.8', true],
  ['http://parma.fund.com', false],
  ['https://localhost:8443', false],
  ['https://edge', false],
  ['https://edge.parma.svc.cluster.local', false],
  ['https://parma.home.arpa.', false],
  ['https://10.1.2.3', false],
  ['https://127.0.0.1', false],
  ['https://[::1]', false],
  ['https://[fd00::1]', false],
  ['https://0x7f.1', false],
  [undefined, false],
])('others can reach %s: %s', (address, expected) => {
  expect(isPublic(address)).toBe(expected)
})

test('a line with a chart has a picture at a signed address that ends with the links, and its text', () => {
  const chart = open('https://parma.fund.com').of({ linksUntil }).chartOf?.(line)
  expect(chart).toMatchObject({ text: expect.stringContaining('2 values'), dark: null })
  const url = new URL(chart?.light ?? '')
  expect(url.origin + url.pathname).toBe(`https://parma.fund.com/charts/${newsId}.png`)
  const signed = Object.fromEntries(url.searchParams)
  expect(checkChartLink(secret, newsId, signed, linksUntil - 1000)).toBe('good')
  expect(checkChartLink(secret, newsId, signed, linksUntil)).toBe('expired')
  expect(checkChartLink(secret, newsId.replace('9', '8'), signed, 0)).toBe('forged')
})

test('there is no picture without a chart, of a chart that cannot be drawn, or where Slack cannot fetch it', () => {
  const { chartOf } = open('https://parma.fund.com').of({ linksUntil })
  expect(chartOf?.({ ...line, newsId: '' })).not.toBeNull()
  for (const without of [
    { ...line, chart: undefined },
    { ...line, newsId: undefined },
  ])
    expect(chartOf?.(without as Line)).toBeNull()
  expect(chartOf?.({ ...line, chart: { ...line.chart!, points: [] } })).toBeNull()
  expect(chartOf?.({ ...line, chart: { ...line.chart!, points: [[0, NaN]] } })).toBeNull()
  expect(open('http://127.0.0.1:3000').of({ linksUntil })).toEqual({})
})

test('once Slack has refused a post with pictures, it is sent again, and posts have none for a while', () => {
  const pictures = open('https://parma.fund.com')
  const section = { type: 'section' as const, text: { type: 'mrkdwn' as const, text: 'x' } }
  expect(pictures.refused({ blocks: [section] })).toBeNull()
  expect(pictures.of({ linksUntil }).chartOf).toBeDefined()
  const image = { type: 'image' as const, image_url: 'https://parma.fund.com/x.png', alt_text: 'x' }
  expect(pictures.refused({ blocks: [section, image] })).toMatchObject({ kind: 'retry' })
  expect(pictures.of({ linksUntil })).toEqual({})
})
