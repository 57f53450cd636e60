import type { Appliers } from '#runtime/changes/apply-changes.ts'
import { addFollow, removeFollow } from './follow.ts'
import { addMute, removeMute } from './mute.ts'

/** Every change that the notifier makes. */
export function openAppliers(): Partial<Appliers<'notifier'>> {
  return {
    'notifier.follow.add': addFollow,
    'notifier.follow.remove': removeFollow,
    'notifier.mute.add': addMute,
    'notifier.mute.remove': removeMute,
  }
}
