import { html, type Html, type Content } from './html.ts'

type Option = { value: string; text: string }

/** `hint`: a sentence between the label and the field. The others are attributes. */
type FieldOptions = { hint?: string; required?: boolean; maxlength?: number; autocomplete?: string; list?: string }

/** A choice of one of several. `id`: where a page that is opened again gives it the focus. */
export function choice(
  name: string,
  label: string,
  options: readonly Option[],
  value: string | undefined,
  id?: string,
): Html {
  const items = options.map(
    (option) =>
      html`<option value="${option.value}"${option.value === (value ?? '') && html` selected`}>${option.text}</option>`,
  )
  return html`<label class="field"><span>${label}</span><select name="${name}"${id !== undefined && html` id="${id}"`}>${items}</select></label>`
}

/** A line of text, a number, a time, a date, or an e-mail address. */
export function input(
  type: 'text' | 'search' | 'number' | 'date' | 'time' | 'email' | 'password',
  name: string,
  label: string,
  value: string | undefined,
  { hint, required = false, ...others }: FieldOptions = {},
): Html {
  const extra = Object.entries(others).map(([key, text]) => html` ${key}="${text}"`)
  const attributes = html`type="${type}" name="${name}" value="${value ?? ''}"${required && html` required`}${extra}`
  const more = hint !== undefined && html`<small>${hint}</small>`
  return html`<label class="field"><span>${label}</span>${more}<input ${attributes}></label>`
}

/** Something that is on or off. */
export function checkbox(name: string, label: string, isOn: boolean): Html {
  return html`<label class="field check"><input type="checkbox" name="${name}" value="on"${isOn && html` checked`}><span>${label}</span></label>`
}

/** By name, or one by one where a name may come again. */
type Hidden = Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[]

const hiddenInputs = (fields: Hidden) =>
  (isList(fields) ? fields : Object.entries(fields)).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )

const isList = (fields: Hidden): fields is Extract<Hidden, readonly unknown[]> => Array.isArray(fields)

/** Fields that choose what the page at `action` lists. Its address holds them, so it can be shared. */
export function filterForm(action: string, fields: Content, button = 'Show'): Html {
  return html`<form class="filters" method="get" action="${action}">
${fields}
<p class="field"><button class="plain">${button}</button></p>
</form>`
}

export type ButtonLook = {
  look?: 'plain' | 'quiet' | 'danger'
  /** What a screen reader says, where the text of several buttons of a page is the same. */
  label?: string
  /** The key of the keyboard that presses it in the chosen row: the script reads it. */
  key?: string
  pressed?: boolean
  /** Where the page is opened again after it: the id of an element that gets the focus. */
  id?: string
}

/** A button that sends a POST with `fields`. */
export function buttonForm(
  action: string,
  text: Content,
  fields: Record<string, string>,
  { look, label, key, pressed, id }: ButtonLook = {},
): Html {
  const given = { class: look, 'aria-label': label, 'data-key': key, 'aria-pressed': pressed?.toString(), id }
  const attributes = Object.entries(given).map(([name, value]) => value !== undefined && html` ${name}="${value}"`)
  return html`<form class="inline" method="post" action="${action}">${hiddenInputs(fields)}<button${attributes}>${text}</button></form>`
}

/**
 * A step that asks first: it opens to `text`, which says what the button does, to how many, and how to undo it. `label`: as
 * of buttonForm.
 */
export function askForm(
  action: string,
  { step, text, button = step, label }: { step: string; text: Content; button?: string; label?: string },
  fields: Record<string, string>,
): Html {
  const about = label !== undefined && html`<span class="hidden-text"> (${label})</span>`
  const sent = buttonForm(action, button, fields, { look: 'danger', ...(label !== undefined && { label }) })
  return html`<details class="ask"><summary>${step}${about}</summary><p>${text}</p>${sent}</details>`
}

/** A form that sends a POST: `fields` are shown, `hidden` ones are sent too. `action` null: to the page’s own address. */
export function postForm(action: string | null, fields: Content, button: string, hidden: Hidden = {}): Html {
  return html`<form class="stack" method="post"${action !== null && html` action="${action}"`}>
${hiddenInputs(hidden)}${fields}
<p class="field"><button>${button}</button></p>
</form>`
}
