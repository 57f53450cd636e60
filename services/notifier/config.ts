import { readFirestoreAccess, withFirestoreAccount } from '#runtime/firestore/settings.ts'
import { problemsOf, readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { ledgerSettings, postgresSettings, serviceSettings, pipelineSettings } from '#runtime/process/settings.ts'
import { secretsDir } from '#runtime/process/service-account.ts'
import { withSecretManagerAccount } from './secrets/secret-manager.ts'
import { channelSettings, checkChannels, completeChannels } from './channels/settings.ts'
import { checkDelivery, deliverySettings } from './delivery/settings.ts'
import { type DigestSettings, digestSettings } from './digests/settings.ts'
import { inboxSettings } from './inbox/settings.ts'
import { messageSettings } from './message/settings.ts'
import { peopleSettings } from './people/settings.ts'
import { planSettings } from './plan/settings.ts'

export const settings = {
  ...pipelineSettings,
  ...postgresSettings,
  ...ledgerSettings,
  ...inboxSettings,
  ...peopleSettings,
  ...messageSettings,
  ...planSettings,
  ...deliverySettings,
  ...channelSettings,
  ...digestSettings,
}

/** Everything the notifier reads from its environment. `secrets` is the folder of the predecessor's files. */
export const readConfig = (env: Env = process.env, secrets = secretsDir) => {
  const accounts = withFirestoreAccount(withSecretManagerAccount(env, secrets), secrets)
  const config = readEnv(settings, accounts, (some) => [
    ...checkChannels(some),
    ...checkDelivery(some),
    ...problemsOf(() => readFirestoreAccess(some)),
  ])
  return { ...config, ...completeChannels(config, env), firestore: readFirestoreAccess(config) }
}

const { DEPLOYMENT_ENV } = serviceSettings

/** What the commands for digests read of it. */
export function readDigestConfig(env: Env = process.env, secrets = secretsDir): DigestSettings {
  const shape = { DEPLOYMENT_ENV, ...peopleSettings, ...messageSettings, ...digestSettings }
  const config = readEnv(shape, withFirestoreAccount(env, secrets), (some) =>
    problemsOf(() => readFirestoreAccess(some)),
  )
  return { ...config, firestore: readFirestoreAccess(config) }
}
