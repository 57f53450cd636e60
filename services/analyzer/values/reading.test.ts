import { describe, expect, test } from 'vitest'
import { nameOf, readingOf } from './reading.ts'
import { readsTheSame, readValue } from './value.ts'

const read = (found: { text?: string; members?: string[] }) =>
  readValue({ type: 'text', number: null, text: null, date: null, members: null, ...found })!

const told: [string, string][] = [
  // Grouped digits, and numbers of short texts.
  ['1,001-5,000 employees', '5,001-10,000 employees'],
  ['11-50 employees', '51-200 employees'],
  ['1.001–5.000 Mitarbeiter', '5.001–10.000 Mitarbeiter'],
  ['10 000 salariés', '12 000 salariés'],
  ['Company size: 1,001-5,000 employees', 'Company size: 5,001-10,000 employees'],
  ['员工1001-5000人', '员工5001-10000人'],
  ['Series A 10M', 'Series A 12M'],
  ['ทีม 50 คน', 'ทีม 60 คน'],
  ['Team of 50 people', 'Team of 60 people'],
  ['$10 million raised in a seed round', '$40 million raised in a seed round'],
  ['12 offices in Europe, Asia and America', '15 offices in Europe, Asia and America'],
  ['4.5', '45'],
  ['4,5 Sterne', '45 Sterne'],
  ['1.2.3', '1.2.4'],
  ['-5 %', '5 %'],
  ['٣ موظفين', '٤ موظفين'],
  // Symbols.
  ['AA+', 'AA-'],
  ['AA+', 'AA'],
  ['BBB-', 'BBB'],
  ['AA+', 'AA−'],
  ['C++ developer', 'C developer'],
  ['C#', 'C'],
  ['$10M', '€10M'],
  ['10 %', '10'],
  ['<10', '>10'],
  ['👍', '👎'],
  ['🇩🇪', '🇫🇷'],
  ['★★★★☆', '★★★☆☆'],
  // Words.
  ['CEO: Ann', 'CEO: Bob'],
  ['Приватный банк', 'Публичный банк'],
  ['株式会社アクメ', '株式会社アクネ'],
  ['مطور', 'مدير'],
  ['Café', 'Cave'],
  ['Straße', 'Strasbourg'],
  ['Trusted by 1,200 teams in 30 countries', 'Trusted by 1,200 banks in 30 countries'],
  ['web3 tools for the teams of today', 'web4 tools for the teams of today'],
  ['https://acme.example/a-b', 'https://acme.example/a/b'],
  ['', 'word'],
]

const notTold: [string, string][] = [
  // Normal forms.
  ['Zürich', 'Zu\u0308rich'],
  ['Société Générale', 'Socie\u0301te\u0301 Ge\u0301ne\u0301rale'],
  ['한국어', '한국어'.normalize('NFD')],
  ['パーティー', 'パーティー'.normalize('NFD')],
  ['ＡＣＭＥ', 'ACME'],
  ['ofﬁce', 'office'],
  // Case.
  ['LANGFUSE', 'Langfuse'],
  ['STRASSE', 'Straße'],
  ['İSTANBUL', 'istanbul'],
  ['ΟΔΟΣ', 'οδος'],
  ['МОСКВА', 'Москва'],
  // Blanks and characters that nobody sees.
  ['open  source\n', 'open source'],
  ['open\u00a0source', 'open source'],
  ['open\u200bai', 'openai'],
  ['\ufeffAcme', 'Acme'],
  ['Donau\u00addampf\u00adschiff', 'Donaudampfschiff'],
  ['\u202bشركة\u202c', 'شركة'],
  ['شـركة', 'شركة'],
  ['❤️', '❤'],
  ['Acme\u2800Cloud\ufffc', 'Acme Cloud'],
  // Entities.
  ['Johnson &amp; Johnson', 'Johnson & Johnson'],
  ['Johnson &amp;amp; Johnson', 'Johnson & Johnson'],
  ['it&#39;s', 'it’s'],
  ['M&uuml;nchen', 'München'],
  ['a&nbsp;b', 'a b'],
  // Punctuation and marks.
  ['The A. I. company', 'the "A.I." Company!'],
  ['Acme® Cloud™', 'Acme Cloud'],
  ['2019–2024', '2019-2024'],
  ['«Яндекс»', 'Яндекс'],
  ['AA−', 'AA-'],
  // Numbers.
  ['1,001 employees', '1001 employees'],
  ['1’001 Mitarbeitende', "1'001 Mitarbeitende"],
  ['1.234.567 Nutzer', '1 234 567 Nutzer'],
  ['1.234,5 kg', '1,234.5 kg'],
  ['٢٠ شركة', '20 شركة'],
  // Numbers within a sentence.
  ['Trusted by 1,200 teams in 30 countries', 'Trusted by 1,900 teams in 31 countries'],
  ['More than 900k developers use our platform', 'More than 1M+ developers use our platform'],
  ['Über 1.200 Kunden in 30 Ländern vertrauen uns', 'Über 1.900 Kunden in 31 Ländern vertrauen uns'],
  ['Plus de 1 200 équipes nous font confiance', 'Plus de 1 900 équipes nous font confiance'],
  ['Нам доверяют более 1200 компаний по всему миру', 'Нам доверяют более 1900 компаний по всему миру'],
  ['已有1200家企业信赖我们的产品', '已有1900家企业信赖我们的产品'],
  ['เชื่อถือโดย 1,200 ทีมใน 30 ประเทศ', 'เชื่อถือโดย 1,900 ทีมใน 31 ประเทศ'],
  ['전 세계 1,200개 팀이 사용합니다', '전 세계 1,900개 팀이 사용합니다'],
  ['Über 1.200 Kunden vertrauen uns', 'Über 1.900 Kunden vertrauen uns'],
]

describe.each([
  ['told', told, false],
  ['not told', notTold, true],
] as const)('%s', (_what, pairs, same) => {
  test.each(pairs)('%j and %j', (a, b) => {
    expect(readsTheSame(read({ text: a }), read({ text: b }))).toBe(same)
    expect(readsTheSame(read({ text: b }), read({ text: a }))).toBe(same)
    // In a list, in another order.
    const [one, other] = [read({ members: ['rest', a] }), read({ members: [b, 'rest'] })]
    expect(readsTheSame(one, other)).toBe(same)
    // In a text of which only the beginning is remembered.
    const long = (end: string) => read({ text: `${'word '.repeat(900)}\n${end}` })
    if (same && !/^\d|\d$/.test(a)) expect(readsTheSame(long(a), long(b))).toBe(true)
  })
})

test('there are pairs enough', () => {
  expect(told.length + notTold.length).toBeGreaterThanOrEqual(40)
})

test('in a list, members that read the same are one', () => {
  expect(readsTheSame(read({ members: ['CLI', 'cli'] }), read({ members: ['cli'] }))).toBe(true)
})

test.each<[string, string, boolean]>([
  ['Zürich', 'Zu\u0308rich', true],
  ['ACME  Corp', 'acme corp', true],
  ['Acme, Inc.', 'Acme Inc', true],
  ['R&amp;D', 'R&D', true],
  ['a\u200bb', 'ab', true],
  ['https://acme.example/a-b', 'https://acme.example/a/b', false],
  ['10 ways to grow a company in a year', '12 ways to grow a company in a year', false],
  ['How we grew to 10 offices in a year', 'How we grew to 12 offices in a year', false],
  ['C', 'C++', false],
  ['Series A', 'Series B', false],
])('the names %j and %j', (a, b, same) => {
  expect(nameOf(a) === nameOf(b)).toBe(same)
})

test.each(['a.', 'a-', 'a:', 'a://', '1,', '12,', '123 ', '1 ', '&', '&amp;', '文', '٣', ' ', '- '])(
  'a long text of %j is read in time that grows with its length',
  (part) => {
    const start = performance.now()
    readingOf(part.repeat(100_000))
    expect(performance.now() - start).toBeLessThan(3000)
  },
)
