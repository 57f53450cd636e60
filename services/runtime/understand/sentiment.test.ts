import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scoreSentiment } from './sentiment.ts'

const positive = [
  'Love it!',
  'Great product, I use it every day.',
  'This is the best note taking app I have ever used. Highly recommend!',
  'Congrats on the launch, looks awesome 🚀',
  'Not bad at all, works well and the support is helpful.',
  'A bit expensive, but absolutely worth it.',
  'The new editor is fast, clean and easy to use.',
  'Finally a tool that solves this. Thank you!',
  'I was worried about the price, but the team is amazing.',
  'Really impressed by how intuitive the interface is.',
]
const negative = [
  'Terrible. Crashes all the time.',
  'I do not recommend this to anyone.',
  'It used to be good, but the last update is awful.',
  'Waste of money, the support never answers.',
  "It doesn't work well on my phone and it is slow.",
  'Worst customer service ever 😡',
  'Very disappointed with the new pricing, I want a refund.',
  'The app is buggy and unreliable.',
  "I can't recommend it. Too many bugs.",
  'Looks like a scam to me.',
]
const neutral = [
  'How does this compare to the other app?',
  'Is there a version for Linux?',
  'I have used it for two weeks.',
  'When will the API be out?',
  'Is this a new app?',
]
const foreign = [
  'Sehr gutes Produkt, ich bin begeistert',
  'Das ist wirklich super und die App ist sehr schnell',
  'Très bon produit, je recommande à tout le monde',
  'Muy buena aplicación, la recomiendo',
  'Ottimo prodotto, molto utile per il lavoro',
  '素晴らしい製品です',
  'Отличное приложение, спасибо',
  'Het is een goede app maar niet voor mij',
  'Produto muito bom, mas não funciona no meu telefone',
  '',
  '   ',
  '1234 5678',
  'asdf qwer zxcv',
  'Gute App',
  'Super Team, super Produkt',
  'Buena app',
  'No me gusta',
  'Bom app',
  'Goede app',
  'Ang ganda ng app',
  'nefunguje to',
  'aplikasi ini sangat membantu, tapi error terus',
]

test.each(positive)('%s: positive', (text) => expect(scoreSentiment(text)).toBeGreaterThanOrEqual(7))
test.each(negative)('%s: negative', (text) => expect(scoreSentiment(text)).toBeLessThanOrEqual(3))
test.each(neutral)('%s: neutral', (text) => expect(scoreSentiment(text)).toBe(5))
test.each(foreign)('%s: not read', (text) => expect(scoreSentiment(text)).toBeNull())

test('a stronger word counts more, and the whole scale is used', () => {
  const scores = [
    'the worst, awful and terrible',
    'it is bad',
    'it is a tool',
    'it is good',
    'the best, awesome and great',
  ]
  const found = scores.map((text) => scoreSentiment(text)!)
  expect(found).toEqual(found.toSorted((a, b) => a - b))
  expect([found[0], found[2], found[4]]).toEqual([0, 5, 10])
})

test('any text gets a whole number from 0 to 10 or null, quickly', () => {
  const words = fc.array(fc.constantFrom('not', 'very', 'good', 'awful', 'the', 'but', '👍', ':(', "don't"), {
    maxLength: 50,
  })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        words.map((some) => some.join(' ')),
      ),
      (text) => {
        const score = scoreSentiment(text)
        if (score !== null) expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).toContain(score)
        expect(scoreSentiment(text)).toBe(score)
      },
    ),
    { seed: 5, numRuns: 1000 },
  )
  const at = performance.now()
  for (const text of ['a '.repeat(1e6), 'not good '.repeat(1e5), `${'a'.repeat(1e6)}-`]) scoreSentiment(text)
  expect(performance.now() - at).toBeLessThan(2000)
})
