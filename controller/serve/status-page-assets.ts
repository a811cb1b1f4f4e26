// Style and script of the status page, both constant: the policy of the page allows these two by their hashes and nothing else.
import type { Html } from './status-page-html.ts'

const REFRESH_MS = 3000

/**
 * Swaps the main element when it has changed; the window does not scroll, and waits while text is selected. Says so when the
 * controller cannot be reached. A page in the background does not ask.
 */
export const SCRIPT = constant(`
const link = document.getElementById('link')
let etag
let lost = 0
const busy = () => {
  const selection = getSelection()
  return selection !== null && !selection.isCollapsed
}
const scrolled = (main) => [...main.querySelectorAll('.scroll')].map((element) => element.scrollLeft)
const swap = (text) => {
  const main = document.getElementById('status')
  const next = new DOMParser().parseFromString(text, 'text/html').getElementById('status')
  if (next === null) return
  const left = scrolled(main)
  main.replaceWith(document.adoptNode(next))
  next.querySelectorAll('.scroll').forEach((element, i) => { element.scrollLeft = left[i] ?? 0 })
}
const refresh = async () => {
  if (document.hidden || busy()) return
  try {
    const answer = await fetch('/status', { headers: etag ? { 'if-none-match': etag } : {}, cache: 'no-store', signal: AbortSignal.timeout(15000) })
    if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status))
    if (answer.status === 200) {
      const text = await answer.text()
      if (busy()) return
      if (etag !== answer.headers.get('etag')) swap(text)
      etag = answer.headers.get('etag')
    }
    lost = 0
  } catch {
    lost++
  }
  document.body.classList.toggle('lost', lost > 1)
  const told = lost > 1 ? 'The controller cannot be reached; what is shown is old.' : ''
  if (link.textContent !== told) link.textContent = told
}
const go = () => refresh().finally(() => setTimeout(go, ${REFRESH_MS}))
setTimeout(go, ${REFRESH_MS})
document.addEventListener('visibilitychange', refresh)
`)

export const STYLE = constant(`
:root{--bg:#f3f4f7;--panel:#fff;--ink:#171a20;--soft:#59616e;--line:#dfe3ea;--ok:#178653;--okink:#0f6b41;--fail:#c9372c;--failink:#b02a20;--warn:#d98e04;--warnink:#8a5a00;--active:#2f6fde;--activeink:#1f57b8;--pending:#a9c4f5;--unknown:#d5dae2;--accent:#6b4ad6}
@media(prefers-color-scheme:dark){:root{--bg:#0d1116;--panel:#161b22;--ink:#e8ecf2;--soft:#9aa5b4;--line:#29313c;--ok:#2fa56b;--okink:#5fd39a;--fail:#e5554a;--failink:#ff8a80;--warn:#d99a20;--warnink:#f0bd5a;--active:#4d8df5;--activeink:#86b4ff;--pending:#2c4a7c;--unknown:#39424f;--accent:#a48cff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
.top,main{max-width:1720px;margin:0 auto;padding:0 20px}
.top{height:60px;display:flex;align-items:center;justify-content:space-between;gap:16px;padding-top:0}
h1{font-size:19px;font-weight:650;letter-spacing:-.01em;margin:0;display:flex;align-items:center;gap:10px}
h2{font-size:13px;font-weight:650;margin:20px 0 8px;color:var(--ink)}
h2 small{font-weight:400;color:var(--soft);margin-left:4px;font-size:13px}
h3{font-size:16px;font-weight:650;margin:0;overflow-wrap:anywhere;letter-spacing:-.005em}
p{margin:0}ol,ul{margin:0;padding:0;list-style:none}
code{font:12px/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;background:color-mix(in srgb,var(--soft) 13%,transparent);border-radius:4px;padding:1px 4px;overflow-wrap:anywhere}
#link{color:var(--failink);font-weight:600}
.lost main{opacity:.55}
.logo{width:28px;height:28px;fill:none;stroke:var(--accent);stroke-width:3}.logo .l2{opacity:.65}.logo .l3{fill:var(--accent);stroke:none}
.clock{display:flex;flex-wrap:wrap;gap:4px 16px;justify-content:flex-end;align-items:baseline;color:var(--soft);margin:-43px 0 20px;min-height:26px;padding-left:200px}
.clock time{color:var(--ink);font-weight:600;font-size:16px;order:2}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:10px}
.scroll{overflow-x:auto}
.quiet{color:var(--soft)}.bad{color:var(--failink);font-weight:600}.more{color:var(--soft);padding:8px 2px}.num{text-align:right}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.tiles{display:grid;grid-template-columns:1.7fr repeat(4,1fr);gap:12px}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile.wide{display:flex;gap:16px;align-items:center}
.figure{font-size:28px;line-height:1.15;font-weight:650;letter-spacing:-.02em;display:flex;align-items:center;gap:8px}
.tile .sign{width:20px;height:20px}
.label{color:var(--soft);margin-top:2px}
.ring{width:58px;height:58px;flex:none;fill:none;stroke-width:6}.ring .unknown{stroke:var(--unknown)}.ring .compliant{stroke:var(--ok);stroke-linecap:butt}
.sign{width:14px;height:14px;flex:none;fill:none;stroke:#fff;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.sign.ok circle{fill:var(--ok);stroke:none}.sign.active circle{fill:var(--active);stroke:none}.sign.fail .solid{fill:var(--fail);stroke:none}.sign.warn .solid{fill:var(--warn);stroke:none}.sign.warn path:last-child{stroke:#1b1400}.sign.idle circle{stroke:var(--soft);stroke-width:1.6;stroke-dasharray:2.4 2.4}
.columns{display:grid;grid-template-columns:minmax(0,1.75fr) minmax(0,1fr);gap:20px;padding-bottom:32px}
.alert{display:flex;gap:12px;padding:12px 16px;margin-bottom:12px;border:1px solid var(--fail);border-radius:10px;background:color-mix(in srgb,var(--fail) 8%,var(--panel));overflow-wrap:anywhere}
.alert .sign{width:18px;height:18px;margin-top:1px}.alert li{margin-top:4px}
.rollout{padding:12px 16px 11px;margin-bottom:12px}
.rollout.fail{border-color:var(--fail)}.rollout.warn{border-color:var(--warn)}
.rollout header{display:flex;justify-content:space-between;gap:12px;align-items:flex-start}
.pill{display:inline-flex;align-items:center;gap:6px;border-radius:99px;padding:2px 10px 2px 6px;font-weight:600;font-size:13px;white-space:nowrap;background:color-mix(in srgb,var(--soft) 14%,transparent)}
.pill.ok{color:var(--okink);background:color-mix(in srgb,var(--ok) 14%,transparent)}.pill.fail{color:var(--failink);background:color-mix(in srgb,var(--fail) 14%,transparent)}.pill.warn{color:var(--warnink);background:color-mix(in srgb,var(--warn) 16%,transparent)}.pill.active{color:var(--activeink);background:color-mix(in srgb,var(--active) 14%,transparent)}
.facts{color:var(--soft);font-size:13px;margin-top:1px;overflow-wrap:anywhere}.facts b{font-weight:600;color:var(--ink)}
.wait{margin-top:9px;font-size:13px;color:var(--soft);overflow-wrap:anywhere}.wait b{color:var(--ink)}
.track{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(150px,1fr);margin-top:9px;gap:8px;overflow-x:auto}
.track li{position:relative;border-radius:8px;padding:7px 12px 8px;background:color-mix(in srgb,var(--soft) 7%,transparent);border-top:3px solid var(--unknown);min-width:0}
.track li.ok{border-top-color:var(--ok)}.track li.fail{border-top-color:var(--fail);background:color-mix(in srgb,var(--fail) 8%,transparent)}.track li.active{border-top-color:var(--active);background:color-mix(in srgb,var(--active) 9%,transparent)}.track li.warn{border-top-color:var(--warn);background:color-mix(in srgb,var(--warn) 9%,transparent)}
.track .name{display:flex;align-items:center;gap:6px;min-width:0}.track .name b{font-weight:650;overflow-wrap:anywhere}.track .name span{margin-left:auto;font-size:12px;color:var(--soft);white-space:nowrap}
.track .who{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 10px;color:var(--soft);font-size:12px;margin:0 0 5px 20px;overflow-wrap:anywhere}
.barbox{position:relative;display:block;padding:3px 0}
.bar{display:block;width:100%;height:10px;border-radius:5px;background:var(--unknown)}
.tick{position:absolute;inset:0;width:100%;height:16px;overflow:visible}.tick line{stroke:var(--ink);stroke-width:2}
.bar .compliant{fill:var(--ok)}.bar .failed{fill:var(--fail)}.bar .pending{fill:var(--pending)}.bar .unknown{fill:var(--unknown)}.bar .soak{fill:var(--active)}
.figures{display:flex;flex-wrap:wrap;gap:0 10px;align-items:baseline;margin-top:2px;font-size:13px;color:var(--soft)}.figures b{font-size:15px;color:var(--ink)}.figures .pct{margin-left:auto}
.figures.sub,.gate,.timing,.soak span{font-size:12px;color:var(--soft)}.figures.sub{display:block}
.soak{display:flex;align-items:center;gap:10px}.soak .barbox{flex:1;min-width:40px}.soak .bar{height:4px}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:7px 12px;border-top:1px solid var(--line);overflow-wrap:anywhere}tbody th{min-width:110px}.decisions,.ended{table-layout:fixed}.decisions th:nth-child(1){width:126px}.decisions th:nth-child(2){width:196px}.decisions th:nth-child(3){width:190px}.ended{min-width:600px}.ended thead th:nth-child(1){width:190px}.ended thead th:nth-child(2){width:130px}.ended thead th:nth-child(3){width:116px}.ended thead th:nth-child(4){width:78px}
thead th{border:0;color:var(--soft);font-weight:500;font-size:12px;padding-bottom:5px}
tbody th{font-weight:600}th.num,td.num{text-align:right;white-space:nowrap}
.half{width:50%}.when{white-space:nowrap;color:var(--soft)}
.tone{display:inline-flex;gap:6px;align-items:center;font-weight:600;white-space:nowrap}.tone.ok{color:var(--okink)}.tone.fail{color:var(--failink)}.tone.warn{color:var(--warnink)}.tone.active{color:var(--activeink)}.tone.idle{color:var(--soft)}
.dots{display:flex;flex-wrap:wrap;gap:2px 12px}.dot{display:inline-flex;gap:5px;align-items:center}
.why{color:var(--soft);font-size:13px;margin-top:2px}
.rows li{display:flex;gap:14px;padding:9px 14px;border-top:1px solid var(--line);overflow-wrap:anywhere}.rows li:first-child{border:0}.rows li>div:last-child{min-width:0;flex:1}
.big{font-size:20px;font-weight:650;line-height:1.2;min-width:48px;text-align:right;color:var(--failink)}.big small{display:block;font-size:12px;font-weight:400;color:var(--soft)}
.tag{display:inline-flex;gap:6px;align-items:center;flex:none;width:72px;height:21px;font-size:12px;font-weight:600;color:var(--soft)}.tag.ok{color:var(--okink)}.tag.fail{color:var(--failink)}.tag.warn{color:var(--warnink)}
.start{padding:4px 18px 14px;margin-top:16px}.start h2{font-size:16px;margin:12px 0}.start li{display:flex;gap:12px;padding:6px 0}.start .sign{width:18px;height:18px;margin-top:2px}
@media(max-width:1000px){.columns{grid-template-columns:minmax(0,1fr);gap:0}.tiles{grid-template-columns:repeat(4,1fr)}.tile.wide{grid-column:1/-1}}
@media(max-width:640px){.top,main{padding-left:12px;padding-right:12px}.clock{margin:0 0 12px;padding:0;justify-content:flex-start}.clock time{order:0;width:100%}.tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:10px 12px}.figure{font-size:23px}.track{grid-auto-flow:row;grid-auto-columns:auto}.ended{min-width:0}.decisions thead,.ended thead{display:none}.decisions tr,.ended tr{display:block;padding:7px 12px;border-top:1px solid var(--line)}.decisions tr:first-child,.ended tr:first-child{border:0}.decisions td,.ended td,.ended th{display:block;border:0;padding:0}.ended .num{display:none}.rollout header{flex-wrap:wrap}}
@media(min-width:2200px){body{font-size:17px}.top,main{max-width:none}}
`)

// Written here and nowhere from outside; neither holds a closing tag.
function constant(markup: string): Html {
  return { type: 'Html', markup }
}
