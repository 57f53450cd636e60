/** As SharedView in views.ts. */
type View = { name: string; readers: readonly ('cli' | 'edge' | 'notifier')[]; row: string; columns: readonly string[] }
type Owner = 'analyzer' | 'notifier' | 'normalizer' | 'edge' | 'scheduler' | 'cli'

const auditOf = (owner: Owner): View => ({
  name: `${owner}.audit_view`,
  readers: (['cli', 'edge'] as const).filter((reader) => reader !== owner),
  row: 'something that somebody did',
  columns: 'audit_id at actor kind subject reason before after change_id'.split(' '),
})
const changesOf = (owner: Owner): View => ({
  name: `${owner}.change_view`,
  readers: ['edge'],
  row: 'a change that was asked for, and what became of it',
  columns: 'change_id kind actor content_hash state message at'.split(' '),
})
const ofPerson = (name: string, row: string, columns: string): View => ({
  ...{ name: `notifier.${name}`, readers: ['edge'], row },
  columns: columns.trim().split(/\s+/),
})

/** What people set and changed, and what became of changes. */
export const changeViews: readonly View[] = [
  auditOf('analyzer'),
  auditOf('notifier'),
  auditOf('edge'),
  auditOf('normalizer'),
  auditOf('scheduler'),
  auditOf('cli'),
  changesOf('analyzer'),
  changesOf('notifier'),
  changesOf('normalizer'),
  changesOf('scheduler'),
  {
    name: 'normalizer.drift_policy',
    readers: ['edge'],
    row: 'what is done when a source drifts, or a map of a handshake loses measurements',
    columns: 'data_source_id kind path policy'.split(' '),
  },
  {
    name: 'analyzer.rule_trial_view',
    readers: ['edge'],
    row: 'what a rule that somebody tried on a series would have told',
    columns:
      `change_id company_measurement_id subject_key item_key condition direction threshold payloads newest_no cut_at
      told silent news made_at`.split(/\s+/),
  },
  {
    name: 'analyzer.rule_view',
    readers: ['edge'],
    row: 'the newest version of a rule of our own, and what is wrong with it',
    columns: 'rule_id version definition since changed_by problem'.split(' '),
  },
  {
    name: 'analyzer.rule_rehearsal_view',
    readers: ['edge', 'notifier'],
    row: 'what a rule that somebody tried would have told of all that it covers in 12 months',
    columns:
      `change_id rule_id version definition since companies tried payloads told silent by_month news made_at`.split(
        ' ',
      ),
  },
  ofPerson(
    'rehearsal_view',
    'who would have got how many messages about the news items of such a trial',
    'change_id messages people without_recipient made_at',
  ),
  ofPerson(
    'person_subscription_view',
    'what a person follows, besides what parma-web has',
    'subscription_id user_id company_id bucket_id data_source_id min_severity kinds channel_id created_at',
  ),
  ofPerson(
    'person_mute_view',
    'a mute that has not ended',
    `mute_id user_id company_id bucket_id data_source_id source_measurement_id subject_key item_key below until worse_than
     created_at`,
  ),
  ofPerson(
    'person_quiet_view',
    'quiet hours of a person',
    'quiet_hours_id user_id zone begins ends days critical_passes',
  ),
  ofPerson(
    'person_digest_view',
    'which digests a person has set; bucket 0: all that they follow',
    'user_id bucket_id rhythm hour weekday zone channel_id changed_at all_quiet',
  ),
  ofPerson(
    'digest_preview_view',
    'the next digest as it would be, for whoever asked to see it',
    'change_id user_id bucket_id made_at message',
  ),
  ofPerson(
    'person_channel_view',
    'a person at a channel that parma-web does not know, without its secret',
    'channel_id channel_type destination user_id channel_purpose',
  ),
  ofPerson(
    'news_plan_view',
    'a news item that the notifier has: when it decides, or decided, who gets it',
    'news_id received_at assigned_at due_at unheard has_reasons',
  ),
  ofPerson(
    'person_news_view',
    'what became of a news item for a person: at a destination, left out, or in a digest',
    `news_id user_id way reason facts at channel address state trouble state_at is_held held_until problem parked_at
     parked_reason unsubscribed_at`,
  ),
  ofPerson(
    'destination_view',
    'where messages go, and whether anything is sent there',
    'channel address secret_id problem parked_at parked_reason unsubscribed_at failures destination_id',
  ),
  ofPerson(
    'delivery_view',
    'a message at a destination, and what became of it',
    `delivery_id notification_id destination_id kind company_id data_source_id message channel address people state reason
     reference created_at settled_at due_at`,
  ),
  ofPerson(
    'attempt_view',
    'an attempt to deliver a message',
    'attempt_id delivery_id ended_at action outcome detail took_ms',
  ),
  ofPerson(
    'told_item_view',
    'a news item or event of operations that a message tells at a destination; its payload, or the event itself',
    'notification_id destination_id item_id event_id',
  ),
  ofPerson(
    'setting_view',
    'a setting of the notifier that holds for people who have set nothing',
    'name value noted_at',
  ),
  ofPerson(
    'feedback_view',
    'what a person says of a news item',
    'user_id news_id opinion done_at snoozed_until company_id source_measurement_id changed_at',
  ),
]
