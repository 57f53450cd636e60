/** A question to Prometheus, and what each of its lines is called. */
type Query = { expr: string; legend: string }

/** `unit`: as Grafana names it. */
export type Panel = {
  title: string
  unit: 's' | 'bytes' | 'short' | 'reqps' | 'percentunit'
  queries: Query[]
  says?: string
}

export type Board = { uid: string; title: string; says: string; rows: { title: string; panels: Panel[] }[] }

/** A panel with one query. `{{…}}` in `legend` are labels. */
export function panel(title: string, unit: Panel['unit'], expr: string, legend: string, says?: string): Panel {
  return { title, unit, queries: [{ expr, legend }], ...(says !== undefined && { says }) }
}

/** What a counter grows by in a second, by labels. */
export function rate(counter: string, by: string): string {
  return `sum by (${by}) (rate(${counter}[$__rate_interval]))`
}

/** What a counter grew by in the time before, by labels. */
export function growth(counter: string, by: string, time = '1h'): string {
  return `sum by (${by}) (increase(${counter}[${time}]))`
}

/** The value that so much of all measurements of a histogram are below, by labels. */
export function quantile(q: number, histogram: string, by: string): string {
  const name = histogram.replace(/^\w+/, '$&_bucket')
  return `histogram_quantile(${q}, sum by (${[by, 'le'].filter(Boolean).join(', ')}) (rate(${name}[$__rate_interval])))`
}

/** The query with every metric in it narrowed by a matcher of a label. */
export function narrow(expr: string, matcher: string): string {
  return expr.replaceAll(/\b(?:parma|process|nodejs)_\w+(?:\{([^}]*)\})?/g, (text, labels?: string) => {
    const [metric = ''] = text.split('{')
    return `${metric}{${matcher}${labels ? `,${labels}` : ''}}`
  })
}
