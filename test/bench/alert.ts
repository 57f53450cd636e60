import { runParma } from '../../deploy/local/parma.ts'
import type { Mail } from '../../deploy/local/stand-ins/render-mail.ts'
import { postJson, startModule } from '../harness/module.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Bench, Measure } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'

const rounds = 10
const deadlineMs = 30_000
const source = 'bench-alert'
const address = 'bench@example.com'
const map = {
  Source: source,
  Mappings: [{ SourceField: 'stars', DataType: 'int', MeasurementName: 'stars' }],
}

/** Seconds from the POST of a payload with a changed number to its mail in the SMTP sink, on an idle stack. */
export const alert: Measure = async (bench) => {
  await using module = await startModule(() => bench.env().EDGE_URL ?? '', map)
  const { companies, token } = await register(bench, module.endpoint)
  const feed = async (company_id: string, stars: number) => {
    const body = { source_name: source, company_id, raw_data: { stars } }
    const { status } = await postJson(`${bench.env().EDGE_URL}/feed-raw-data`, `Bearer ${token}`, body)
    if (status !== 201) throw new Error(`a feed was answered ${status}`)
  }
  // Companies with the same numbers would be a suspect run.
  const starsOf = (index: number) => 1000 + 37 * index
  for (const [index, company] of companies.entries()) await feed(company, starsOf(index))
  // The first one only shows that the baselines have been judged.
  const seconds: number[] = []
  for (const [round, company] of companies.entries()) {
    await waitForRest(bench)
    const before = (await readMails(bench)).length
    const startedAt = performance.now()
    await feed(company, 2 * starsOf(round))
    await waitForMail(bench, before + 1)
    if (round > 0) seconds.push((performance.now() - startedAt) / 1000)
    bench.say(`alert ${round + 1} of ${companies.length}`)
  }
  const { min, median, max } = summarize(seconds)
  const detail = `${rounds} rounds: min ${formatNumber(min)}, median ${formatNumber(median)}, max ${formatNumber(max)}`
  return [{ what: 'an alert, from POST to SMTP', value: max, unit: 's', detail, below: 2 }]
}

async function register({ env, serviceEnv, say }: Bench, endpoint: string) {
  const parma = async (...args: string[]) =>
    JSON.parse(await runParma(serviceEnv(), ...args, '--json')) as { id: number; token: string }
  say('registering source, companies and reader')
  const { id } = await parma('sources', 'add', '--name', source, '--endpoint', endpoint, '--frequency', 'monthly')
  const companies: string[] = []
  for (let n = 0; n <= rounds; n++) companies.push(String((await parma('companies', 'add', '--name', `Bench ${n}`)).id))
  const person = String((await parma('people', 'add', '--name', 'Bench Reader')).id)
  const channel = String((await parma('channels', 'add', '--type', 'EMAIL', '--destination', address)).id)
  await parma('subscriptions', 'add', '--person', person, '--channel', channel)
  await parma('subscriptions', 'add', '--person', person, '--all-companies')
  const handshake = `${env().EDGE_URL}/handshake?invocation_endpoint=${encodeURIComponent(endpoint)}&data_source_id=${id}`
  const answer = await fetch(handshake, { signal: AbortSignal.timeout(deadlineMs) })
  if (answer.status !== 200) throw new Error(`the handshake was answered ${answer.status}: ${await answer.text()}`)
  const { token } = await parma('token', 'mint', '--source', source)
  return { companies, token }
}

async function readMails({ env }: Bench): Promise<Mail[]> {
  const answer = await fetch(env().MAILBOX_URL ?? '', { signal: AbortSignal.timeout(5000) })
  return ((await answer.json()) as Mail[]).filter(({ to }) => to.includes(address))
}

async function waitForMail(bench: Bench, count: number): Promise<void> {
  await waitFor(`${count} mails`, async () => (await readMails(bench)).length >= count, deadlineMs, 10)
}

/** Resolves when no record is on its way. */
async function waitForRest({ serviceEnv }: Bench): Promise<void> {
  type Status = { services: { lag: number | null }[] }
  const hasReadAll = async () => {
    const { services } = JSON.parse(await runParma(serviceEnv(), 'status', '--source', source, '--json')) as Status
    return services.every(({ lag }) => !lag)
  }
  await waitFor('the consumer groups to have read everything', hasReadAll, deadlineMs, 500)
}
