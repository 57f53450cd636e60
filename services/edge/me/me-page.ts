import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm, choice, filterForm, input, postForm } from '../design/forms.ts'
import { type Content, html, type Html } from '../design/html.ts'
import { empty, foreign, table } from '../design/parts.ts'
import { day } from '../design/time.ts'
import { feeds } from './feeds.ts'
import { settings } from './me-settings.ts'
import { type MeMain, type MeView, saidIn } from './read-me.ts'

/** My page below its heading. */
export function meMain(given: MeMain): Html {
  return html`${saidIn(given)}<nav aria-label="On this page" class="toc"><a href="#follow">Follow</a> <a href="#mutes">Mutes</a> <a href="#quiet">Quiet hours</a> <a href="#digests">Digests</a> <a href="#channels">Channels</a> <a href="#feeds">Feeds</a></nav>
<p><a class="button plain" href="/console/heard">Why did I (not) hear of something?</a></p>
${follows(given)}
${mutes(given)}
${settings(given)}
${feeds(given)}
<section id="session"><h2>Signing in</h2>
<p><a class="button plain" href="/console/sign-out-everywhere">Sign out in every browser</a></p></section>`
}

type Follow = MeView['detail']['follows'][number]

/** Rows of a page of readable size. */
const mostFollows = 100

function follows(given: MeMain): Html {
  const { detail, buckets, found } = given.view
  // Buckets first: a company that is not shown is found by its name.
  const ordered = detail.follows.toSorted((a, b) => Number(a.company_id !== null) - Number(b.company_id !== null))
  const more = ordered.length - mostFollows
  const rows = ordered
    .slice(0, mostFollows)
    .map((follow) => [
      { text: followName(follow), sort: excerpt(follow.company ?? follow.bucket ?? '', 60) },
      { text: follow.company_id !== null ? 'Company' : follow.bucket_id !== null ? 'Bucket' : 'Everything' },
      { text: limits(follow) },
      { text: unfollow(follow) },
    ])
  const columns = [
    { name: 'Name' },
    { name: 'What' },
    { name: 'Only' },
    { name: html`<span class="hidden-text">End</span>` },
  ]
  const list =
    rows.length > 0
      ? table('What you follow', columns, rows, { sortable: rows.length > 1, isNamed: true })
      : empty(
          'You follow nothing yet',
          'You get messages about companies that you follow. Companies that you follow in parma-web appear here, too.',
          { text: 'Choose companies below', href: '#search' },
        )
  const followed = new Set(detail.follows.map(({ bucket_id }) => bucket_id))
  const others = buckets.filter(({ id }) => !followed.has(id))
  const options = others.map(({ id, name, companies }) => ({
    value: String(id),
    text: `${excerpt(name, 60)} (${companies})`,
  }))
  return html`<section id="follow"><h2>What I follow</h2>
${saidIn(given, 'follow')}
${list}
${more > 0 && html`<p class="small">${more} more are not shown. Search one by name: its page has a button to unfollow it.</p>`}
<h3 id="search">Follow a company</h3>
${filterForm('/console/me#search', input('search', 'q', 'Part of its name', given.q, { maxlength: 200 }), 'Search')}
${found && foundCompanies(found, detail.follows)}
${options.length > 0 && [html`<h3>Follow a bucket</h3>`, postForm('/console/me/follow', choice('bucket', 'All companies of a bucket, also later ones', options, undefined), 'Follow')]}
</section>`
}

function followName({ company_id, company, bucket_id, bucket }: Follow): Content {
  if (company_id !== null)
    return html`<a href="/console/companies/${company_id}">${foreign(excerpt(company ?? 'deleted company', 80))}</a>`
  if (bucket_id !== null) return foreign(excerpt(bucket ?? 'deleted bucket', 80))
  return 'All companies'
}

function limits({ data_source_id, min_severity, kinds, channel_id }: Follow): Content {
  const said = [
    data_source_id !== null && `source ${data_source_id}`,
    min_severity !== 'info' && `from ${min_severity} on`,
    kinds !== null && kinds.join(', '),
    channel_id !== null && `channel ${channel_id}`,
  ].filter((one) => one !== false)
  return said.length > 0 ? said.join('; ') : html`<span class="muted">–</span>`
}

function unfollow(follow: Follow): Html {
  const name = follow.company ?? follow.bucket ?? 'all companies'
  const fields: Record<string, string> =
    follow.subscription_id !== null
      ? { subscription: String(follow.subscription_id) }
      : { company: String(follow.company_id) }
  return buttonForm('/console/me/unfollow', 'Unfollow', fields, {
    look: 'quiet',
    label: `Unfollow ${excerpt(name, 80)}`,
  })
}

function foundCompanies(found: NonNullable<MeView['found']>, followed: readonly Follow[]): Html {
  if (found.length === 0)
    return html`<p>No company that you may see has this in its name. You see the companies of your buckets, and those that you added: add them in parma-web.</p>`
  const known = new Set(followed.map(({ company_id }) => company_id))
  const rows = found.map(({ id, name }) => [
    { text: html`<a href="/console/companies/${id}">${foreign(excerpt(name, 80))}</a>` },
    {
      text: known.has(id)
        ? 'You follow it'
        : buttonForm(
            '/console/me/follow',
            'Follow',
            { company: String(id) },
            { look: 'quiet', label: `Follow ${excerpt(name, 80)}` },
          ),
    },
  ])
  return table('Companies found', [{ name: 'Company' }, { name: html`<span class="hidden-text">Follow</span>` }], rows)
}

type Mute = MeView['detail']['mutes'][number]

function mutes(given: MeMain): Html {
  const { view, zone } = given
  const rows = view.detail.mutes.map((mute) => [
    { text: muteName(mute) },
    {
      text: mute.until_worse
        ? 'until it gets worse'
        : mute.until === null
          ? 'for good'
          : html`until ${day(mute.until, zone)}`,
      sort: mute.until ?? '',
    },
    {
      text: buttonForm(
        '/console/me/unmute',
        'End',
        { mute: String(mute.mute_id) },
        { look: 'quiet', label: `End the mute ${mute.mute_id}` },
      ),
    },
  ])
  const columns = [{ name: 'What' }, { name: 'How long' }, { name: html`<span class="hidden-text">End</span>` }]
  return html`<section id="mutes"><h2>Mutes</h2>
${saidIn(given, 'mutes')}
${rows.length > 0 ? table('What is muted', columns, rows, { sortable: rows.length > 1, isNamed: true }) : html`<p>Nothing is muted. You mute something at its news item.</p>`}
</section>`
}

function muteName({
  company,
  company_id,
  bucket,
  bucket_id,
  measurement,
  source_measurement_id,
  item_key,
  data_source_id,
  below,
}: Mute): Content {
  const parts = [
    source_measurement_id !== null && (measurement ?? 'a deleted measurement'),
    item_key !== null && item_key !== '' && `of ${excerpt(item_key, 60)}`,
    company_id !== null &&
      `${source_measurement_id === null ? 'everything about' : 'of'} ${excerpt(company ?? 'a deleted company', 60)}`,
    bucket_id !== null && `the companies of ${excerpt(bucket ?? 'a deleted bucket', 60)}`,
    data_source_id !== null && `source ${data_source_id}`,
    below !== null && `below ${below}`,
  ].filter((one) => one !== false)
  return foreign(parts.length > 0 ? parts.join(' ') : 'everything')
}
