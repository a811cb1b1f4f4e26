// The few drawings of the status page. Lengths are attributes of SVG and not styles, which the page's own policy would refuse.
import { type Html, html } from './status-page-html.ts'

export type Part = { readonly name: 'compliant' | 'failed' | 'pending' | 'unknown' | 'soak'; readonly value: number }

/** A stacked bar. `label` says in words what it shows; `tick` (0 to `total`) marks a threshold. */
export function bar(parts: readonly Part[], total: number, label: string, tick?: number): Html {
  let x = 0
  const rects = parts.map(({ name, value }) => {
    const width = total === 0 ? 0 : Math.min(100 - x, Math.max(0, (value * 100) / total))
    const rect =
      width > 0 && html`<rect class="${name}" x="${fixed(x)}%" y="0" width="${fixed(width)}%" height="100%"/>`
    x += width
    return rect || html``
  })
  const at = tick === undefined || total === 0 ? undefined : Math.min(99.2, Math.max(0.3, (tick * 100) / total))
  return html`<span class="barbox" role="img" aria-label="${label}"><svg class="bar" aria-hidden="true">${rects}</svg>${
    at !== undefined &&
    html`<svg class="tick" aria-hidden="true"><line x1="${fixed(at)}%" x2="${fixed(at)}%" y1="0" y2="100%"/></svg>`
  }</span>`
}

/** A ring that is filled by `part` of `whole`. */
export function ring(part: number, whole: number, label: string): Html {
  const share = whole === 0 ? 0 : Math.min(1, part / whole)
  const round = 2 * Math.PI * 15
  return html`<svg class="ring" viewBox="0 0 40 40" role="img" aria-label="${label}"><circle class="unknown" cx="20" cy="20" r="15"/><circle class="compliant" cx="20" cy="20" r="15" stroke-dasharray="${fixed(round * share)} ${fixed(round)}" transform="rotate(-90 20 20)"/></svg>`
}

export type Sign = 'ok' | 'fail' | 'warn' | 'active' | 'idle'

/** A sign of its own shape for each tone, so that nothing is said by colour alone. */
export function sign(tone: Sign): Html {
  return html`<svg class="sign ${tone}" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[tone]}</svg>`
}

export const LOGO = html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><circle class="l1" cx="16" cy="16" r="13"/><circle class="l2" cx="16" cy="16" r="8"/><circle class="l3" cx="16" cy="16" r="3.5"/></svg>`

const SHAPES: Readonly<Record<Sign, Html>> = {
  ok: html`<circle cx="8" cy="8" r="7"/><path d="M4.8 8.3l2.2 2.2 4.3-4.8"/>`,
  fail: html`<path class="solid" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path d="M5.5 5.5l5 5m0-5l-5 5"/>`,
  warn: html`<path class="solid" d="M8 1.2L15.4 14.5H.6z"/><path d="M8 6v4m0 2v.4"/>`,
  active: html`<circle cx="8" cy="8" r="7"/><path d="M8 4v4.2l2.8 1.8"/>`,
  idle: html`<circle cx="8" cy="8" r="6.2"/>`,
}

function fixed(n: number): string {
  return n.toFixed(2).replace(/\.?0+$/, '')
}
