import { html, type Html } from '../design/html.ts'
import { askForm, input, postForm } from '../design/forms.ts'
import { empty, facts, foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { compareMaps, type MapChange } from '../maps/compare-maps.ts'
import { describeOrigin } from '../maps/describe-maps.ts'
import { describeLosses } from '../maps/find-losses.ts'
import type { MapContent, MapRow } from '../maps/read-maps.ts'
import type { Draft } from './drafts.ts'

export type SourceName = { id: number; name: string }

export const mapsPath = ({ id }: Pick<SourceName, 'id'>) => `/console/sources/${id}/maps`
export const draftsPath = ({ id }: Pick<SourceName, 'id'>) => `/console/sources/${id}/map-drafts`

/** Versions of a map, what waits for a yes, and the way to try another one. */
export function mapsMain(
  source: SourceName,
  { maps, drafts, zone }: { maps: readonly MapRow[]; drafts: readonly Draft[]; zone: string },
): Html {
  const path = mapsPath(source)
  const changed = html`<p><a class="button" href="${path}/new">Try a changed map</a></p>`
  if (maps.length === 0 && drafts.length === 0)
    return html`${empty(
      'No map yet',
      html`The module of ${foreign(source.name)} brings its map in a handshake. Without one, its payloads are refused.`,
      { text: 'Give a map', href: `${path}/new` },
    )}`
  const waiting = drafts.find((draft) => draft.state === 'waiting')
  const others = drafts.filter((draft) => draft.state === 'draft')
  return html`${waiting && waitingPart(source, waiting, zone)}
${changed}
<section aria-labelledby="versions"><h2 id="versions">Versions</h2>
${table(
  'Versions of the map',
  [
    { name: 'Version', isNumber: true },
    { name: 'State' },
    { name: 'How' },
    { name: 'By' },
    { name: 'In force since' },
    { name: 'Why' },
  ],
  maps.map((map) => versionRow(source, map, zone)),
  { isNamed: true, cards: true },
)}
</section>
${
  others.length > 0 &&
  html`<section aria-labelledby="drafts"><h2 id="drafts">Not in force</h2>
<ul>${others.map(
    (draft) =>
      html`<li><a href="${draftsPath(source)}/${draft.draft_id}">Map ${draft.draft_id}</a>, given by ${foreign(draft.actor)} ${time(draft.at, zone)}</li>\n`,
  )}</ul></section>`
}`
}

function waitingPart(source: SourceName, draft: Draft, zone: string): Html {
  return html`<section aria-labelledby="waiting"><h2 id="waiting">Waits for a yes</h2>
<p>${state('late', 'Waits since')} ${time(draft.at, zone)}: a handshake brought a map that ${describeLosses(draft.losses)}. The map in force stays until somebody decides.</p>
<p><a class="button" href="${draftsPath(source)}/${draft.draft_id}">See the difference and decide</a></p></section>`
}

function versionRow(source: SourceName, map: MapRow, zone: string) {
  const { version, state: how, published_at: at, actor, reason } = map
  const shown = {
    'in force': state('good', 'In force'),
    earlier: 'Earlier',
    'not published': state('bad', 'Not published'),
  }[how]
  return [
    { text: html`<a href="${mapsPath(source)}/${version}">Version ${version}</a>`, sort: version },
    { text: shown },
    { text: describeOrigin(map) },
    { text: actor === null ? 'not known' : foreign(actor) },
    { text: at === null ? 'never' : time(at, zone) },
    { text: reason === null ? '' : foreign(reason) },
  ]
}

/** What differs between the map in force and another one. */
function differencePart(current: MapContent | null, content: string): Html {
  const changes = current ? compareMaps(current.content, content) : compareMaps('{"Mappings":[]}', content)
  const title = current ? `Difference to version ${current.version}, which is in force` : 'Entries'
  return html`<section aria-labelledby="difference"><h2 id="difference">${title}</h2>
${
  changes.length === 0
    ? html`<p>No entry differs.</p>`
    : table(
        'Entries that differ',
        [{ name: 'Path' }, { name: 'Change' }, { name: 'Type' }, { name: 'Measurement' }, { name: 'What differs' }],
        changes.map(changeRow),
        { isNamed: true, cards: true },
      )
}
</section>`
}

const signs = { added: '+ added', removed: '− removed', changed: '~ changed' }

function changeRow({ path, change, was, is, differs }: MapChange) {
  const { type, name } = (is ?? was)!
  return [
    { text: foreign(path) },
    { text: signs[change] },
    { text: type },
    { text: foreign(name) },
    { text: differs.length > 0 && foreign(differs.join(', ')) },
  ]
}

const reasonField = html`<label class="field"><span>Why (for the audit log)</span><input type="text" name="reason" maxlength="500" value=""></label>`
const inForceField = (current: MapContent | null) => ({ in_force: current === null ? '' : String(current.version) })

/** Asks on how many documents the map of the page at `here` is tried. */
function tryForm(here: string): Html {
  const last = input('number', 'last', 'On so many of the last stored documents', '100', {
    hint: 'At most 1,000. Nothing is stored or sent.',
  })
  return html`<section aria-labelledby="try"><h2 id="try">Try it</h2>
${postForm(`${here}/try`, last, 'Try it on stored documents')}
</section>`
}

/** A version: who brought it, how it differs from the one in force, the map, and rolling back to it. */
export function versionMain(
  source: SourceName,
  { map, current, zone }: { map: MapContent; current: MapContent | null; zone: string },
): Html {
  const path = mapsPath(source)
  const isInForce = current?.version === map.version
  const undo = current && html`A roll back to version ${current.version} undoes it.`
  return html`${facts([
    [
      'State',
      isInForce ? state('good', 'In force') : map.published_at === null ? state('bad', 'Not published') : 'Earlier',
    ],
    ['How', describeOrigin(map)],
    ['By', map.actor ?? 'not known'],
    ['In force since', map.published_at === null ? 'never' : time(map.published_at, zone)],
    ['Why', map.reason],
  ])}
${!isInForce && differencePart(current, map.content)}
${!isInForce && tryForm(`${path}/${map.version}`)}
${
  !isInForce &&
  map.published_at !== null &&
  current &&
  html`<section aria-labelledby="rollback"><h2 id="rollback">Roll back</h2>
<p>The map of version ${map.version} comes into force again, as version ${current.version + 1} or later. Payloads that were accepted before keep the version of their time. ${undo}</p>
${postForm(`${path}/${map.version}/rollback`, reasonField, `Roll back to version ${map.version}`, inForceField(current))}
</section>`
}
<section aria-labelledby="map"><h2 id="map">The map</h2>${mapText(map.content)}</section>
<p><a href="${path}">All versions</a></p>`
}

function mapText(content: string): Html {
  return html`<div class="scroll" role="region" aria-label="The map as JSON" tabindex="0"><pre><code>${JSON.stringify(JSON.parse(content), null, 2)}</code></pre></div>`
}

/** A field for a map. `problem`: why the one that was given is none. */
export function newMapMain(source: SourceName, { text, problem }: { text: string; problem: string | null }): Html {
  const path = mapsPath(source)
  const area = html`<label class="field"><span>Map (JSON), or the answer of the module to /initialize</span><textarea name="map" rows="20" required spellcheck="false"${problem !== null && html` aria-invalid="true"`}>${text}</textarea></label>`
  return html`<p>The map is kept and compared with the one in force. Nothing is activated yet. Entries without <code>source_measurement_id</code> get the measurement of their name.</p>
${postForm(draftsPath(source), area, 'Compare')}
<p><a href="${path}">Back, without a change</a></p>`
}

const refusing = (current: MapContent | null) =>
  `${current ? `Version ${current.version} stays in force` : 'No map comes into force'}, also when the module sends the same map again. To undo that, give the map under “Try a changed map” and activate it.`

/** A map that is not in force: how it differs, and what to do with it. */
export function draftMain(
  source: SourceName,
  { draft, current, zone }: { draft: Draft; current: MapContent | null; zone: string },
): Html {
  const path = mapsPath(source)
  const here = `${draftsPath(source)}/${draft.draft_id}`
  const isWaiting = draft.state === 'waiting'
  const isOpen = isWaiting || draft.state === 'draft'
  const undo = current ? html`A roll back to version ${current.version} undoes it.` : null
  return html`${facts([
    [
      'State',
      isWaiting
        ? state('late', 'Waits for a yes')
        : draft.state === 'draft'
          ? 'Not in force'
          : draft.version === null
            ? draft.state
            : `In force as version ${draft.version}`,
    ],
    ['By', draft.actor],
    ['Given', time(draft.at, zone)],
    ['Decided by', draft.settled_by],
    ['What it loses', draft.losses.length === 0 ? null : `It ${describeLosses(draft.losses)}.`],
  ])}
${differencePart(current, draft.content)}
${isOpen && tryForm(here)}
${
  isOpen &&
  html`<section aria-labelledby="activate"><h2 id="activate">${isWaiting ? 'Decide' : 'Activate'}</h2>
<p>The map comes into force as a new version${current && `, in place of version ${current.version}`}. ${undo}</p>
${postForm(`${here}/activate`, reasonField, isWaiting ? 'Say yes and activate it' : 'Activate this map', inForceField(current))}
${isWaiting && askForm(`${here}/refuse`, { step: 'Say no', text: refusing(current), button: 'Say no: the map in force stays' }, {})}
</section>`
}
<section aria-labelledby="map"><h2 id="map">The map</h2>${mapText(draft.content)}</section>
<p><a href="${path}">All versions</a></p>`
}
