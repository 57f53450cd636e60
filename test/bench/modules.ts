// Any number of mining modules, by path, that accept every run and never finish it. GET / says how often they were
// called.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const called = new Map<string, number>()
let [calls, last] = [0, 0]

const server = createServer((request, response) => {
  const path = request.url ?? ''
  if (path === '/') {
    const double = [...called.values()].filter((times) => times > 1).length
    response.end(JSON.stringify({ calls, last, double }))
    return
  }
  request.resume().on('end', () => {
    calls++
    last = Date.now()
    called.set(path, (called.get(path) ?? 0) + 1)
  })
}).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
server.keepAliveTimeout = 0
