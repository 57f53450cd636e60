import { BlockList, isIP } from 'node:net'

/** The only IPv6 addresses that are routed publicly, https://www.iana.org/assignments/ipv6-address-space */
const publicIpv6 = ['2000::/3']

/**
 * https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry: not the public internet.
 */
const specialNetworks = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // Within 2000::/3; 2001::/32 (Teredo) and 2002::/16 (6to4) carry any IPv4 address inside.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
]

/** Whether a text is a network such as 10.0.0.0/8 or fd00::/8. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/')
  const family = isIP(address)
  return family > 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}

/**
 * Says whether an address may be called: public ones, and those in `allowedPrivateNetworks` (CIDR). An IPv4 address in
 * IPv6 clothes is judged as the IPv4 address; what is not an address may not be called.
 */
export function createAddressJudge(allowedPrivateNetworks: readonly string[]): (address: string) => boolean {
  const allowed = listOf(allowedPrivateNetworks)
  const special = listOf(specialNetworks)
  const routed = listOf(publicIpv6)
  return (text) => {
    const address = unwrapIpv4(text)
    const family = isIP(address)
    if (family === 0) return false
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (allowed.check(address, type)) return true
    if (special.check(address, type)) return false
    return family === 4 || routed.check(address, type)
  }
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    if (!isNetwork(network)) throw new TypeError(`${network} is not a network such as 10.0.0.0/8`)
    const [address, prefix] = network.split('/') as [string, string]
    list.addSubnet(address, Number(prefix), isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** `::ffff:127.0.0.1` and `::ffff:7f00:1` are 127.0.0.1. */
function unwrapIpv4(address: string): string {
  if (isIP(address) !== 6) return address
  const { hostname } = new URL(`http://[${address.split('%')[0]}]`)
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname) ?? []
  if (high === undefined || low === undefined) return address
  const bits = Number.parseInt(high, 16) * 65536 + Number.parseInt(low, 16)
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}
