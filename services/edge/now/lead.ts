import type { Step } from '../design/parts.ts'
import type { Facts } from './read-now.ts'

/** The next step of an installation that is being set up, one at a time; null: it has been. */
export function nextStep({
  sources,
  unmapped,
  mapped,
  linked,
  idle,
  fed,
  heard,
}: Facts['lead']): (Step & { title: string; why: string }) | null {
  if (sources === 0)
    return {
      ...{ title: 'Add the first source', text: 'Add a source', href: '/console/sources/new' },
      why: 'A source is a mining module that sends what it finds about companies. Enter its address; the module says what it measures.',
    }
  if (mapped === 0)
    return {
      ...{ title: 'Do the handshake', text: 'Go to the source', href: `/console/sources/${unmapped ?? ''}` },
      why: 'The module has not said yet what it measures. The handshake asks it for that.',
    }
  if (!linked)
    return {
      ...{ title: 'Choose companies', text: 'Go to the source', href: `/console/sources/${idle ?? ''}#acts` },
      why: 'No source is asked about any company. Add the first companies there, or link it with those that you have.',
    }
  if (!fed)
    return {
      ...{ title: 'Run it for the first time', text: 'Go to the source', href: `/console/sources/${idle ?? ''}` },
      why: 'Nothing has been stored yet. The first run starts soon after the handshake; run it now to see what comes.',
    }
  if (!heard)
    return {
      ...{ title: 'Let the first person hear of it', text: 'Go to people', href: '/console/people' },
      why: 'Values come in, and nobody follows a company yet. Add the first person with an address, and let them follow a company.',
    }
  return null
}
