/** Does `work` while `extend` keeps its lease of `leaseMs`, so that no other process takes it over, however long it lasts. */
export async function holdLease<T>(
  leaseMs: number,
  extend: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  // One that fails is one sign less; what it fails with, the work meets too.
  const timer = setInterval(() => void extend().catch(() => undefined), leaseMs / 4)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
