import { inject } from 'vitest'
import { serviceEnv } from '../../deploy/local/servers.ts'
import { readStackEnv, type StackEnv } from '../../deploy/local/stack-env.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the stack that global-setup.ts started. */
    stackDir: string
  }
}

/**
 * Addresses, secrets and process ids of the servers that all tests share, as they are now: a restart changes the ids.
 */
export function stackEnv(): StackEnv {
  return readStackEnv(inject('stackDir'))
}

/**
 * The environment that our processes need to use the shared servers, without the variables of the test run itself.
 */
export function testEnv(): NodeJS.ProcessEnv {
  const own = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'].map((name) => [name, process.env[name]])
  return serviceEnv(stackEnv(), Object.fromEntries(own) as NodeJS.ProcessEnv)
}
