import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchJavaServers, readSize } from './java-servers.ts'

let bin: string

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'bin-'))
  vi.stubEnv('PATH', bin)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(bin, { recursive: true })
})

function install(program: string, script: string): void {
  writeFileSync(join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

/** A program `java` that says it is of this version. */
const installJava = (version: string) => install('java', `echo 'openjdk version "${version}" 2021-10-19' >&2`)

const fetchThem = () => fetchJavaServers(join(bin, 'cache'), () => undefined)

test('names Java where it is missing', async () => {
  await expect(fetchThem()).rejects.toThrow(/^Java is missing: install a Java 17/)
})

test('names the version of a Java that is too old', async () => {
  installJava('11.0.13')
  await expect(fetchThem()).rejects.toThrow(/^Java 11 is too old: install a Java 17/)
  installJava('1.8.0_302')
  await expect(fetchThem()).rejects.toThrow(/^Java 8 is too old: install a Java 17/)
})

test('names Maven where it is missing and the servers are not here yet', async () => {
  installJava('17.0.1')
  await expect(fetchThem()).rejects.toThrow(/^Maven is missing: install it/)
})

test('quotes Maven when the download fails', async () => {
  installJava('17')
  install('mvn', `echo '[ERROR] no route to the repository'; exit 1`)
  await expect(fetchThem()).rejects.toThrow('Maven could not download the servers:\n[ERROR] no route to the repository')
})

test.each([
  ['[INFO] Downloaded from central: https://repo.maven.apache.org/maven2/a/b.jar (5.6 MB at 8.1 MB/s)', 5.6e6],
  ['[INFO] Downloaded from central: https://repo.maven.apache.org/maven2/a/b.pom (713 B at 9.5 kB/s)', 713],
  ['[INFO] Downloading from central: https://repo.maven.apache.org/maven2/a/b.jar', 0],
])('reads the size of a download: %s', (line, bytes) => {
  expect(readSize(line)).toBe(bytes)
})
