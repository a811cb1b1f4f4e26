// How the picture of two futures looks, and its legend. Colours follow the reader's light or dark scheme.

const LIGHT = {
  page: '#ffffff',
  edge: '#d0d7de',
  ink: '#1f2328',
  muted: '#59636e',
  day: '#f0f2f4',
  week: '#d8dee4',
  window: '#ddf4ff',
  freeze: '#afb8c1',
  going: '#0969da',
  done: '#1a7f37',
  halted: '#cf222e',
  ghost: '#6e7781',
  now: '#bc4c00',
} as const

const DARK: { readonly [K in keyof typeof LIGHT]: string } = {
  page: '#0d1117',
  edge: '#30363d',
  ink: '#e6edf3',
  muted: '#9198a1',
  day: '#161b22',
  week: '#2a313a',
  window: '#12304a',
  freeze: '#57606a',
  going: '#4493f8',
  done: '#3fb950',
  halted: '#f85149',
  ghost: '#b1bac4',
  now: '#f0883e',
}

export function svgStyle(): string {
  const variables = (colours: Readonly<Record<string, string>>) =>
    Object.entries(colours)
      .map(([name, value]) => `--${name}:${value}`)
      .join(';')
  return `<style>
svg{${variables(LIGHT)}}
@media (prefers-color-scheme: dark){svg{${variables(DARK)}}}
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}
.page{fill:var(--page);stroke:var(--edge)}
.title{font-size:16px;font-weight:600}
.rollout{font-weight:600}
.muted,.phase{fill:var(--muted)}
.now-text{fill:var(--now)}
.day{stroke:var(--day)}
.week{stroke:var(--week)}
.now{stroke:var(--now);stroke-width:1.5}
.window{fill:var(--window)}
.freeze{fill:url(#hatch)}
.going{fill:var(--going)}
.done{fill:var(--done)}
.halted{fill:var(--halted)}
.ghost{fill:none;stroke:var(--ghost);stroke-width:1.4;stroke-dasharray:4 3}
.head-deadline{stroke:var(--ink);stroke-width:2}
.base-deadline{stroke:var(--ghost);stroke-width:2;stroke-dasharray:2 2}
.hatch{stroke:var(--freeze);stroke-width:2}
</style>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>`
}

const ENTRIES = [
  ['going', 'head, under way'],
  ['done', 'head, succeeded'],
  ['halted', 'head, halted'],
  ['ghost', 'base'],
  ['window', 'window open'],
  ['freeze', 'freeze'],
] as const

export function svgLegend(x: number, y: number): string[] {
  const parts: string[] = []
  let at = x
  for (const [kind, name] of ENTRIES) {
    parts.push(`<rect class="${kind}" x="${at}" y="${y - 10}" width="22" height="12" rx="3"/>`)
    parts.push(`<text class="muted" x="${at + 28}" y="${y}">${name}</text>`)
    at += 46 + name.length * 7
  }
  for (const [kind, name] of [
    ['head-deadline', 'deadline'],
    ['base-deadline', 'deadline, base'],
  ] as const) {
    parts.push(`<line class="${kind}" x1="${at + 8}" y1="${y - 11}" x2="${at + 8}" y2="${y + 3}"/>`)
    parts.push(`<text class="muted" x="${at + 18}" y="${y}">${name}</text>`)
    at += 36 + name.length * 7
  }
  return parts
}
