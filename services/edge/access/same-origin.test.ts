import { expect, test } from 'vitest'
import { isSameOrigin } from './same-origin.ts'

const host = 'parma.example:8080'
const publicUrl = 'https://parma.example/base'

test.each([
  { host, origin: 'https://parma.example:8080', 'sec-fetch-site': 'same-origin' },
  { host, origin: 'http://parma.example:8080' },
  { host: 'Parma.Example:8080', origin: 'http://parma.example:8080' },
  { host: 'parma.example', origin: 'https://parma.example' },
  { host: '127.0.0.1:80', origin: 'https://parma.example' },
  { host: '[::1]:8080', origin: 'http://[::1]:8080' },
])('%j is of a page of ours', (headers) => {
  expect(isSameOrigin(headers, publicUrl)).toBe(true)
})

test.each([
  { host },
  { host, 'sec-fetch-site': 'same-origin' },
  { host, origin: '' },
  { host, origin: 'null', 'sec-fetch-site': 'same-origin' },
  { host, origin: 'https://evil.example' },
  { host, origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  { host, origin: 'https://parma.example:8080', 'sec-fetch-site': 'cross-site' },
  { host, origin: 'https://parma.example:8080', 'sec-fetch-site': 'same-site' },
  { host, origin: 'https://parma.example:8080', 'sec-fetch-site': 'none' },
  { host, origin: 'https://parma.example:8081' },
  { host, origin: 'https://x.parma.example:8080' },
  { host, origin: 'https://parma.example:8080.evil.example' },
  { host, origin: 'https://evil.example@parma.example:8080' },
  { host, origin: 'https://parma.example:8080/' },
  { host, origin: 'http://parma.example' },
  { origin: 'https://parma.example:8080' },
])('%j is not', (headers) => {
  expect(isSameOrigin(headers, publicUrl)).toBe(false)
})

test('without an address of our own only the host counts', () => {
  expect(isSameOrigin({ host: 'a', origin: 'https://parma.example' }, undefined)).toBe(false)
  expect(isSameOrigin({ origin: 'https://parma.example' }, undefined)).toBe(false)
})
