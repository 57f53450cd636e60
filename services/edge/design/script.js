// Pages work without this. It tells the server the browser's time zone, sorts tables, and reads keys.

/** Whoever moves a slider by keys has this long for the next one. */
const instantMs = 500

document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'UTC')}; Path=/console; SameSite=Lax; Max-Age=31536000`

focusTarget()

for (const table of document.querySelectorAll('table[data-sortable]')) makeSortable(table)

/** After a form was sent the focus is where the page’s address leads, also where nothing takes it by itself. */
function focusTarget() {
  const target = document.querySelector(':target')
  if (!target || document.activeElement !== document.body) return
  if (target.tabIndex < 0) target.tabIndex = -1
  target.focus()
}

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

// A browser lets scripts copy on https and on this machine only.
for (const button of navigator.clipboard ? document.querySelectorAll('[data-copy]') : []) {
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value)
    button.textContent = 'Copied'
  })
}

for (const form of document.querySelectorAll('form[data-instant]')) sendOnChange(form)

/** A form with a slider is sent when it was moved, and opened again where it was moved. Its <output> says where it stands. */
function sendOnChange(form) {
  const slider = form.querySelector('input[type=range]')
  const output = form.querySelector('output')
  output.hidden = false
  const say = () => {
    const text = Number(slider.value).toLocaleString('en', { maximumSignificantDigits: 6 }) + output.dataset.unit
    output.value = text
    slider.setAttribute('aria-valuetext', text)
  }
  say()
  slider.addEventListener('input', say)
  let timer
  form.addEventListener('change', ({ target }) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      form.setAttribute('action', `${form.getAttribute('action').split('#')[0]}#${target.id}`)
      form.requestSubmit()
    }, instantMs)
  })
}

// Keys of lists: `data-news` is a row, `data-key` what a key presses in it.

const rows = [...document.querySelectorAll('[data-news]')]
const keysSwitch = document.getElementById('keys-switch')
const keysBox = document.getElementById('keys')
if (keysSwitch && keysBox) {
  keysSwitch.hidden = false
  keysBox.checked = readChoice() !== 'off'
  keysBox.addEventListener('change', () => writeChoice(keysBox.checked ? 'on' : 'off'))
  document.addEventListener('keydown', (event) => {
    if (keysBox.checked && !isTyping(event)) press(event)
  })
}

/** A browser may keep nothing for us. */
function readChoice() {
  try {
    return localStorage.getItem('keys')
  } catch {
    return null
  }
}

function writeChoice(choice) {
  try {
    localStorage.setItem('keys', choice)
  } catch {
    // The choice is for this page only.
  }
}

function isTyping({ target, ctrlKey, metaKey, altKey, isComposing }) {
  if (ctrlKey || metaKey || altKey || isComposing) return true
  if (target.closest('dialog')) return true
  return (
    target.closest('select, textarea, [contenteditable]') !== null ||
    (target.matches('input') && !target.matches('[type=checkbox], [type=radio]'))
  )
}

function press(event) {
  const chosen = document.activeElement?.closest('[data-news]') ?? null
  if (event.key === '?') showKeys()
  else if (event.key === 'j' || event.key === 'k') move(chosen, event.key === 'j' ? 1 : -1)
  else if (event.key === 'Enter' && document.activeElement === chosen) chosen?.querySelector('a')?.click()
  else {
    const found = /^[a-z]$/.test(event.key) ? chosen?.querySelector(`[data-key="${event.key}"]`) : null
    if (!found) return
    found.click()
  }
  event.preventDefault()
}

function move(chosen, step) {
  const at = rows.indexOf(chosen)
  const row = at === -1 ? rows[0] : rows[at + step]
  row?.focus()
  row?.scrollIntoView({ block: 'nearest' })
}

const keys = [
  ['j, k', 'next, previous news item'],
  ['Enter', 'open it'],
  ['e', 'done, or open again'],
  ['s', 'snooze for a week'],
  ['m', 'mute'],
  ['u', 'useful'],
  ['x', 'not useful'],
  ['?', 'this list'],
]

function showKeys() {
  const dialog = document.createElement('dialog')
  const heading = document.createElement('h2')
  heading.textContent = 'Shortcuts'
  heading.id = 'keys-heading'
  dialog.setAttribute('aria-labelledby', heading.id)
  const list = document.createElement('dl')
  for (const [key, does] of keys) {
    const term = document.createElement('dt')
    const shown = document.createElement('kbd')
    shown.textContent = key
    term.append(shown)
    const text = document.createElement('dd')
    text.textContent = does
    list.append(term, text)
  }
  const close = document.createElement('button')
  close.textContent = 'Close'
  close.addEventListener('click', () => dialog.close())
  dialog.append(heading, list, close)
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}
