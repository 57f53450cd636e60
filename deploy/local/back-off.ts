/** Milliseconds to wait before start number `failures + 1`: 200 ms doubled per failure, at most 5 s. */
export function backOff(failures: number): number {
  return Math.min(200 * 2 ** Math.max(failures - 1, 0), 5000)
}

/** Failures counted after one more exit: the count begins anew when the process had been healthy for 10 s. */
export function countFailures(failures: number, healthyForMs: number): number {
  return healthyForMs >= 10_000 ? 1 : failures + 1
}
