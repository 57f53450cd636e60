import type { Appliers } from '#runtime/changes/apply-changes.ts'
import { mailSignIn, testChannel } from './channel-messages.ts'
import { type DigestDefaults, removeDigest, setDigest } from './digest.ts'
import { setFeedback } from './feedback.ts'
import { addFollow, removeFollow } from './follow.ts'
import { addMute, removeMute } from './mute.ts'
import { clearQuiet, setQuiet } from './quiet.ts'

/** Every change that the notifier makes. */
export function openAppliers(config: DigestDefaults): Appliers<'notifier'> {
  return {
    'notifier.follow.add': addFollow,
    'notifier.follow.remove': removeFollow,
    'notifier.mute.add': addMute,
    'notifier.mute.remove': removeMute,
    'notifier.quiet.set': setQuiet,
    'notifier.quiet.clear': clearQuiet,
    'notifier.digest.set': setDigest(config),
    'notifier.digest.remove': removeDigest,
    'notifier.channel.test': testChannel,
    'notifier.feedback.set': setFeedback,
    'notifier.sign_in.mail': mailSignIn,
  }
}
