/** The services with a database, by the names of their schemas. `cli` has the rows of commands. */
export const owners = ['edge', 'normalizer', 'analyzer', 'notifier', 'scheduler', 'cli'] as const
type Owner = (typeof owners)[number]
type Verb = 'INSERT' | 'UPDATE' | 'DELETE'

/**
 * A table of parma-web, in the schema `public`: which services read its rows, which write them, and how, and which lock
 * them without changing them.
 */
export type PublicTable = {
  name: string
  readers: readonly Owner[]
  writers: Partial<Record<Owner, readonly Verb[]>>
  lockers?: readonly Owner[]
}

/** All that services touch of parma-web's tables, from which grants are made. A test compares it with their SQL. */
export const publicTables: readonly PublicTable[] = [
  { name: 'bucket', readers: ['edge', 'notifier'], writers: {} },
  { name: 'bucket_access', readers: ['edge', 'notifier'], writers: {} },
  {
    name: 'company',
    readers: ['analyzer', 'cli', 'edge', 'normalizer', 'notifier', 'scheduler'],
    writers: { edge: ['DELETE', 'INSERT', 'UPDATE'] },
    lockers: ['notifier'],
  },
  { name: 'company_attachment', readers: ['notifier'], writers: {} },
  { name: 'company_bucket_membership', readers: ['analyzer', 'edge', 'notifier'], writers: {} },
  {
    name: 'company_data_source',
    readers: ['analyzer', 'edge', 'scheduler'],
    writers: { edge: ['DELETE', 'INSERT'], scheduler: ['UPDATE'] },
  },
  {
    name: 'company_data_source_identifier',
    readers: ['edge', 'scheduler'],
    writers: { edge: ['INSERT', 'UPDATE'], scheduler: ['DELETE', 'INSERT'] },
  },
  {
    name: 'company_source_measurement',
    readers: ['analyzer', 'edge', 'normalizer', 'notifier'],
    writers: { analyzer: ['INSERT'], normalizer: ['INSERT'] },
  },
  { name: 'company_subscription', readers: ['edge', 'notifier'], writers: { notifier: ['DELETE', 'INSERT'] } },
  {
    name: 'data_source',
    readers: ['analyzer', 'cli', 'edge', 'normalizer', 'notifier', 'scheduler'],
    writers: { edge: ['DELETE', 'INSERT', 'UPDATE'], normalizer: ['UPDATE'], scheduler: ['UPDATE'] },
    lockers: ['notifier'],
  },
  { name: 'measurement_comment_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_date_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_float_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_image_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_int_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_link_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_paragraph_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'measurement_text_value', readers: ['normalizer'], writers: { normalizer: ['DELETE', 'INSERT'] } },
  { name: 'news', readers: ['analyzer', 'edge'], writers: { analyzer: ['INSERT'], edge: ['DELETE'] } },
  { name: 'news_subscription', readers: ['edge', 'notifier'], writers: { notifier: ['DELETE'] } },
  { name: 'notification', readers: ['edge', 'notifier'], writers: { edge: ['DELETE'], notifier: ['INSERT'] } },
  {
    name: 'notification_channel',
    readers: ['edge', 'notifier'],
    writers: { notifier: ['DELETE', 'INSERT', 'UPDATE'] },
  },
  { name: 'notification_rules', readers: ['analyzer', 'edge'], writers: { edge: ['INSERT'] } },
  {
    name: 'notification_subscription',
    readers: ['edge', 'notifier'],
    writers: { notifier: ['DELETE', 'INSERT', 'UPDATE'] },
  },
  { name: 'report', readers: ['edge', 'notifier'], writers: { edge: ['DELETE'], notifier: ['INSERT'] } },
  {
    name: 'scheduled_task',
    readers: ['analyzer', 'cli', 'edge', 'scheduler'],
    writers: { scheduler: ['DELETE', 'INSERT', 'UPDATE'] },
  },
  {
    name: 'source_measurement',
    readers: ['analyzer', 'cli', 'edge', 'normalizer', 'notifier', 'scheduler'],
    writers: { analyzer: ['INSERT'], edge: ['DELETE', 'INSERT'], normalizer: ['INSERT', 'UPDATE'] },
  },
  { name: 'user', readers: ['edge', 'notifier'], writers: { notifier: ['DELETE', 'INSERT', 'UPDATE'] } },
]
