/**
 * Codes of Firestore's errors (https://grpc.io/docs/guides/status-codes/). Its client has them too, but takes a second
 * to load.
 */
export const invalidArgument = 3
export const notFound = 5
export const alreadyExists = 6
export const failedPrecondition = 9
