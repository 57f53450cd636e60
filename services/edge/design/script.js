// Pages work without this. It tells the server the browser's time zone, sorts tables, and reads keys.

document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'UTC')}; Path=/console; SameSite=Lax; Max-Age=31536000`

for (const table of document.querySelectorAll('table[data-sortable]')) makeSortable(table)

function makeSortable(table) {
  const heads = [...table.querySelectorAll('thead th')]
  for (const [at, head] of heads.entries()) {
    if (head.querySelector('a, button')) continue
    const button = document.createElement('button')
    button.type = 'button'
    button.append(...head.childNodes)
    head.append(button)
    button.addEventListener('click', () => {
      const isUp = head.getAttribute('aria-sort') !== 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', isUp ? 'ascending' : 'descending')
      sortRows(table.tBodies[0], at, isUp ? 1 : -1)
    })
  }
}

/** Numbers by size, texts by letters, what is empty last. */
function sortRows(body, at, direction) {
  const keyed = [...body.rows].map((row) => [row.cells[at].dataset.sort ?? row.cells[at].textContent.trim(), row])
  const isNumeric = keyed.every(([key]) => key === '' || Number.isFinite(Number(key)))
  const compare = isNumeric ? (a, b) => a - b : new Intl.Collator('en', { numeric: true }).compare
  keyed.sort(([a], [b]) => (a === '' ? 1 : 0) - (b === '' ? 1 : 0) || direction * compare(a, b))
  body.append(...keyed.map(([, row]) => row))
}
