import { hasCode } from '../calls/retry.ts'

/** ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS: https://kafka.apache.org/protocol#protocol_error_codes */
const codes = [22, 25, 27]

/** Whether the broker refused a commit because the group of the member is forming anew. */
export function isRebalance(error: unknown): boolean {
  return hasCode(error, ...codes)
}
