import { each, goodBody, type Row, row } from './request.ts'

const get = (path: string, status: number, detail?: string): Row =>
  row(`GET ${path.slice(0, 80)}`, status, { method: 'GET', path }, detail)

const badIds = each`x 1.5 1e3 0x10 2147483648 -2147483649 9007199254740993 %EF%BC%91 1%00 __proto__ 1;DROP%20TABLE 1%2f2 ..%2f1`
const badPages = each`per_page=0 per_page=-1 per_page=1001 per_page=x per_page= per_page=NaN per_page=1e1 page=x page= page=1.5 page=2147483648 page=%00 page=1&page=x`
const oddPages = each`page=0 page=-2147483648 page=2147483647&per_page=1000 page[]=1 __proto__=1&constructor=2 &&==&? page=x&page=1`
const measurements = [
  ...badIds.map((id) => get(`/source-measurement/${id}`, 422, 'source_measurement_id')),
  ...each`0 -1 2147483647 %202147483647 2147483647.0`.map((id) =>
    get(`/source-measurement/${id}`, 404, 'does not exist'),
  ),
  ...each`% %ff %c0%af %ed%a0%80 1/2 ../x`.map((id) => get(`/source-measurement/${id}`, 404, 'Not Found')),
  ...badPages.map((query) => get(`/source-measurement?${query}`, 422, 'query')),
  ...oddPages.map((query) => get(`/source-measurement?${query}`, 200, 'measurements_list')),
]

/** A handshake with this query, in which `ID` is replaced by the source's id. */
const shake = (query: string, status: number, detail: string): Row =>
  row(
    `handshake: ${query.slice(0, 80)}`,
    status,
    ({ source }) => ({
      ...{ method: 'GET', path: `/handshake?${query.replace('ID', String(source))}`, headers: { authorization: null } },
    }),
    detail,
  )

const addresses = [
  ...each`x / // http:// https://attacker.example http://127.0.0.1 http://[::1]/ http://2130706433/ http://0x7f.1/ http://0/`,
  ...each`http://169.254.169.254/latest/meta-data/ http://metadata.google.internal/ file:///etc/passwd gopher://127.0.0.1:6379/_x`,
  ...each`javascript:alert(1) data:,x http://github.example@attacker.example/ http://attacker.example%23.github.example/`,
  ...each`http://a%0d%0aX-Injected:%201 %ff%fe %F0%9F%98%80 __proto__`,
  ...['', 'http://github.example&invocation_endpoint=http://attacker.example'],
]
const badSources = each`x 1.5 1e3 2147483648 9007199254740993 1%00 %D9%A1 [1] {}`
const otherSources = each`0 -1 2147483647 ID&data_source_id=0 %200%20`
const handshakes: Row[] = [
  get('/handshake', 422, 'invocation_endpoint'),
  shake('data_source_id=ID', 422, 'invocation_endpoint'),
  shake('invocation_endpoint=x', 422, 'data_source_id'),
  shake('data_source_id=ID&invocation_endpoint=http://x%00y', 422, 'U+0000'),
  shake(`data_source_id=ID&invocation_endpoint=${'x'.repeat(2001)}`, 422, 'invocation_endpoint'),
  shake('data_source_id=ID&invocation_endpoint[]=x', 422, 'missing'),
  ...addresses.map((address) =>
    shake(`data_source_id=ID&invocation_endpoint=${address}`, 403, 'does not match the one stored'),
  ),
  ...badSources.map((id) => shake(`invocation_endpoint=x&data_source_id=${id}`, 422, 'data_source_id')),
  ...otherSources.map((id) =>
    shake(`invocation_endpoint=x&data_source_id=${id}`, 403, 'does not match the one stored'),
  ),
]

const nowhere = [
  ...each`/FEED-RAW-DATA //feed-raw-data /./feed-raw-data /x/../feed-raw-data /feed-raw-data;x /feed-raw-data%00 /feed-raw-data%2f`,
  ...each`/%66eed-raw-data /feed-raw-data/x /..%2f..%2fetc/passwd /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /.env /.git/config`,
  ...[...each`/dummy /server-status /% /%ff /__proto__`, `/${'x'.repeat(10_000)}`],
]
const queries = [...each`?x=1 ?__proto__[x]=1 ?% ?%ff=%00`, `?${'a=1&'.repeat(3000)}`]
const others: Row[] = [
  ...nowhere.map((path) => row(`POST ${path.slice(0, 80)}`, 404, { path, body: goodBody }, 'Not Found')),
  ...queries.map((query) => row(`POST ${query.slice(0, 60)}`, 201, { path: `/feed-raw-data${query}`, body: goodBody })),
  ...each`GET PUT PATCH DELETE OPTIONS HEAD TRACE PROPFIND MKCOL PURGE`.map((method) =>
    row(`${method} /feed-raw-data`, 405, { method, body: goodBody }),
  ),
  ...['FOO', 'get', 'Post', 'G\tT', '', '😀'].map((method) => row(`method ${JSON.stringify(method)}`, 400, { method })),
  row('X-HTTP-Method-Override', 201, { headers: { 'x-http-method-override': 'DELETE' }, body: goodBody }),
  row('OPTIONS *', 404, { method: 'OPTIONS', path: '*' }),
  row('POST / in absolute form', 405, { path: 'http://attacker.example/', body: goodBody }),
  row('GET with a body', 200, { method: 'GET', path: '/', body: goodBody }),
]

export const paths: Row[] = [...measurements, ...handshakes, ...others]
