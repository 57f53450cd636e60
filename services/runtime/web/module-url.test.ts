import { describe, expect, test } from 'vitest'
import { isSameEndpoint, moduleUrl } from './module-url.ts'

describe('moduleUrl', () => {
  test.each([
    ['https://host', 'https://host/initialize?source_id=7'],
    ['http://host', 'http://host/initialize?source_id=7'],
    ['HTTP://Host/', 'http://host/initialize?source_id=7'],
    ['host', 'https://host/initialize?source_id=7'],
    ['host:8080', 'https://host:8080/initialize?source_id=7'],
    [' host/ ', 'https://host/initialize?source_id=7'],
    ['https://host/prefix', 'https://host/prefix/initialize?source_id=7'],
    ['https://host/prefix///', 'https://host/prefix/initialize?source_id=7'],
    ['https://host/?a=b#c', 'https://host/initialize?source_id=7'],
    ['http://[::1]:8000', 'http://[::1]:8000/initialize?source_id=7'],
  ])('%s', (endpoint, url) => {
    expect(moduleUrl(endpoint, 'initialize', { source_id: 7 })).toBe(url)
  })

  test.each([
    '',
    '   ',
    'ftp://host',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://',
    'http://a b',
    'host:99999',
  ])('refuses %j', (endpoint) => expect(() => moduleUrl(endpoint, 'companies')).toThrow(TypeError))

  test('has no query when it needs none', () => {
    expect(moduleUrl('https://host', 'companies')).toBe('https://host/companies')
  })
})

describe('isSameEndpoint', () => {
  test.each([
    ['https://host', 'host/', true],
    ['https://HOST/a/', 'https://host/a', true],
    ['https://host:443', 'https://host', true],
    ['https://host', 'http://host', false],
    ['https://host/a', 'https://host/b', false],
    ['https://host', 'https://host.evil.example', false],
    ['https://host', 'https://host@evil.example', false],
    ['', '', false],
  ])('%s and %s: %s', (one, other, same) => expect(isSameEndpoint(one, other)).toBe(same))
})
