/** What we use of jstat, which has no types (https://jstat.github.io/vector.html). None of these changes its argument. */
declare module 'jstat' {
  type OfNumbers = (values: readonly number[]) => number
  const library: { jStat: Record<'sum' | 'mean' | 'median' | 'min' | 'max' | 'stdev', OfNumbers> }
  export default library
}
