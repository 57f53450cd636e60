import { type Appliers, type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { addChannel, leaveChannel } from '../operate/channel.ts'
import { addPerson } from '../operate/person.ts'
import { testDestination, unparkDestination } from '../operate/destination.ts'
import { resendDeliveries } from '../operate/resend.ts'
import { mailSignIn, testChannel } from './channel-messages.ts'
import { type DigestDefaults, removeDigest, setDigest } from './digest.ts'
import { setFeedback } from './feedback.ts'
import { addFollow, removeFollow } from './follow.ts'
import { addMute, removeMute } from './mute.ts'
import { clearQuiet, setQuiet } from './quiet.ts'

type TryAudience = Apply<Payload<'notifier.audience.try'>>
type Preview = Apply<Payload<'notifier.digest.preview'>>

/** Commands have a preview of their own, which also shows what the settings of whoever asks would change. */
const noPreview: Preview = async () => {
  throw new RefusedError('The notifier previews digests; commands have npx parma digests preview.')
}

/** Commands have one of their own, which reads a file. */
const noAudience: TryAudience = async () => {
  throw new RefusedError('The notifier tries audiences; commands have npx parma audience try.')
}

/** Every change that the notifier makes. */
export function openAppliers(config: DigestDefaults, preview = noPreview, audience = noAudience): Appliers<'notifier'> {
  return {
    'notifier.follow.add': addFollow,
    'notifier.follow.remove': removeFollow,
    'notifier.mute.add': addMute,
    'notifier.mute.remove': removeMute,
    'notifier.quiet.set': setQuiet,
    'notifier.quiet.clear': clearQuiet,
    'notifier.digest.set': setDigest(config),
    'notifier.digest.remove': removeDigest,
    'notifier.digest.preview': preview,
    'notifier.channel.test': testChannel,
    'notifier.feedback.set': setFeedback,
    'notifier.sign_in.mail': mailSignIn,
    'notifier.audience.try': audience,
    'notifier.person.add': addPerson,
    'notifier.channel.add': addChannel,
    'notifier.channel.leave': leaveChannel,
    'notifier.delivery.resend': resendDeliveries,
    'notifier.destination.test': testDestination,
    'notifier.destination.unpark': unparkDestination,
  }
}
