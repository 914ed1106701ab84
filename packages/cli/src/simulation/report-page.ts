/** Colours of Okabe and Ito, which most colour-blind people can tell apart; a little lighter on a dark ground. */
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f3c8d", "#555555"];
const DARK = ["#4aa8e0", "#ff8a3d", "#2fc99b", "#e79cc6", "#e6c24a", "#8fd0ff", "#c58fd6", "#b0b0b0"];

const colours = (list: readonly string[]): string => list.map((colour, index) => `--series-${index}:${colour}`).join(";");
const light = `--ground:#fbfbfa;--card:#fff;--ink:#1c1c1a;--quiet:#6a6a66;--rule:#e4e4e0;--best:#e3f2e6;${colours(LIGHT)}`;
const dark = `--ground:#151615;--card:#1e1f1e;--ink:#ecece8;--quiet:#a0a09a;--rule:#343533;--best:#1f3d28;${colours(DARK)}`;

export const STYLE = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{color-scheme:dark;${dark}}
:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px 20px 60px;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;margin:0;display:inline-block}
h2{font-size:18px;margin:36px 0 12px}
button{float:right;font:inherit;font-size:13px;padding:4px 10px;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:6px;cursor:pointer}
header p{margin:6px 0;max-width:75ch}
.facts,.note,.unit,.tick,summary{color:var(--quiet)}
.note,.legend,.facts{font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;background:var(--card);border:1px solid var(--rule);font-variant-numeric:tabular-nums}
th,td{padding:5px 14px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400;color:var(--quiet)}
td.best{background:var(--best);font-weight:600}
td.digest{font:12px ui-monospace,monospace}
i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
.legend span{margin-right:18px;white-space:nowrap}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:16px}
.chart{margin:0;padding:12px 14px;background:var(--card);border:1px solid var(--rule);border-radius:8px}
figcaption{font-weight:600;margin-bottom:4px}
.unit{font-weight:400;font-size:13px}
.plot{position:relative}
svg{display:block;width:100%;height:auto}
.grid{stroke:var(--rule)}
.tick{font-size:11px;fill:var(--quiet)}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.cross{stroke:var(--quiet);visibility:hidden}
.tip{position:absolute;top:8px;display:none;pointer-events:none;padding:6px 10px;background:var(--card);border:1px solid var(--rule);border-radius:6px;font-size:12px;font-variant-numeric:tabular-nums;white-space:nowrap;box-shadow:0 2px 8px rgb(0 0 0/.15)}
pre{overflow:auto;font-size:12px;background:var(--card);border:1px solid var(--rule);padding:12px;border-radius:8px}
`;

/** The theme's button, and the values under the pointer. */
export const SCRIPT = `
document.getElementById("theme").onclick=()=>{const r=document.documentElement;const dark=r.dataset.theme?r.dataset.theme==="dark":matchMedia("(prefers-color-scheme:dark)").matches;r.dataset.theme=dark?"light":"dark"};
for(const figure of document.querySelectorAll("figure.chart")){
const source=figure.querySelector("script");if(!source)continue;
const d=JSON.parse(source.textContent),plot=figure.querySelector(".plot"),svg=plot.querySelector("svg"),tip=plot.querySelector(".tip"),cross=plot.querySelector(".cross"),end=d.axis[d.axis.length-1];
plot.onpointermove=e=>{const box=svg.getBoundingClientRect(),u=(e.clientX-box.left)*d.total/box.width,t=(u-d.left)/d.width*end;
let i=d.axis.findIndex(a=>a>=t);if(i<0)i=d.axis.length-1;
const x=d.left+d.width*d.axis[i]/end;cross.setAttribute("x1",x);cross.setAttribute("x2",x);cross.style.visibility="visible";
tip.replaceChildren();const head=document.createElement("div");head.textContent=Math.round(d.axis[i])+" "+d.counts;tip.append(head);
for(const s of d.series){const row=document.createElement("div"),dot=document.createElement("i"),v=s.values[i];dot.style.background="var(--series-"+s.colour+")";row.append(dot,s.name+": "+(v==null?"none":v.toLocaleString("en-US"))+" "+d.unit);tip.append(row)}
tip.style.display="block";const right=x>d.total/2;tip.style.left=right?"":(x/d.total*100+2)+"%";tip.style.right=right?(100-x/d.total*100+2)+"%":""};
plot.onpointerleave=()=>{tip.style.display="none";cross.style.visibility="hidden"}}
`;
