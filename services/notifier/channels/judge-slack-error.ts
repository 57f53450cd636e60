import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { excerpt } from '#runtime/text/shorten.ts'
import { type Answer, maxWaitMs } from './answer.ts'

/** Errors after which Slack may have posted anyway, https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const openErrors = new Set(['fatal_error', 'internal_error', 'request_timeout'])
/** Temporary errors. */
const passingErrors = new Set([
  'ratelimited',
  'rate_limited',
  'service_unavailable',
  'team_added_to_org',
  'accesslimited',
])

/** Errors that concern every message to the channel or with the token. */
const destinationErrors = new Set([
  ...['channel_not_found', 'is_archived', 'not_in_channel', 'messages_tab_disabled'],
  ...['restricted_action', 'restricted_action_read_only_channel', 'restricted_action_thread_only_channel'],
  ...['restricted_action_non_threadable_channel', 'restricted_action_thread_locked'],
  ...[
    'not_authed',
    'invalid_auth',
    'account_inactive',
    'token_revoked',
    'token_expired',
    'missing_scope',
    'no_permission',
  ],
  ...['not_allowed_token_type', 'access_denied', 'org_login_required', 'ekm_access_denied', 'enterprise_is_restricted'],
  ...['team_access_not_granted', 'two_factor_setup_required'],
])

const badToken = 'Slack rejects the bot token: put a new one into the secret'
const hints: Record<string, string> = {
  channel_not_found: 'the bot sees no such channel: use the id of a private one, and invite the bot',
  not_in_channel: 'invite the bot to the channel',
  is_archived: 'the channel is archived',
  ...{ not_authed: badToken, invalid_auth: badToken, account_inactive: badToken },
  ...{ token_revoked: badToken, token_expired: badToken },
}

/** The result of a call to the Web API that failed. */
export function judgeSlackError(error: unknown): Answer {
  const reason = excerpt(error instanceof Error ? error.message : String(error), 300)
  if (error instanceof WebAPIRateLimitedError)
    return { kind: 'retry', reason, afterMs: Math.min(error.retryAfter * 1000, maxWaitMs) }
  if (error instanceof WebAPIPlatformError) {
    const code = String(error.data.error)
    if (passingErrors.has(code)) return { kind: 'retry', reason }
    // A proxy may answer 200 with a page of its own. Only one of Slack's error codes means that nothing was posted.
    if (openErrors.has(code) || !/^[a-z_]{1,60}$/.test(code)) return { kind: 'lost', reason }
    if (!destinationErrors.has(code)) return { kind: 'refused', concerns: 'message', reason }
    return {
      kind: 'refused',
      concerns: 'destination',
      reason: `${reason}: ${hints[code] ?? 'the bot may not post there'}`,
    }
  }
  if (error instanceof WebAPIHTTPError)
    return error.statusCode < 500 && error.statusCode !== 408
      ? { kind: 'refused', concerns: 'message', reason }
      : { kind: 'lost', reason }
  if (error instanceof WebAPIRequestError) return { kind: isNotConnected(error) ? 'retry' : 'lost', reason }
  // The client throws a bare Error for 429 without a usable Retry-After.
  return reason.startsWith('Retry header did not contain')
    ? { kind: 'retry', reason, afterMs: 60_000 }
    : { kind: 'lost', reason }
}

/** Whether Slack refused the blocks of a post, or could not fetch their pictures. */
export function isBlocksError(error: unknown): boolean {
  return error instanceof WebAPIPlatformError && String(error.data.error) === 'invalid_blocks'
}

/** Of a reply that was refused: without its thread it may be accepted. */
export function judgeFollowUpError(error: unknown): Answer {
  const answer = judgeSlackError(error)
  return answer.kind === 'refused' ? { kind: 'retry', isAlone: true, reason: answer.reason } : answer
}

/** Of an edit: it may be made again, and if it is refused, what it says may still be posted. */
export function judgeEditError(error: unknown): Answer {
  const answer = judgeFollowUpError(error)
  return answer.kind === 'lost' ? { kind: 'retry', reason: answer.reason } : answer
}

/** Errors of connecting only: with any other, Slack may have received the call. */
const notConnectedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])

function isNotConnected(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if (notConnectedCodes.has(String((at as NodeJS.ErrnoException).code))) return true
    if (at instanceof AggregateError && at.errors.every(isNotConnected)) return true
  }
  return false
}
