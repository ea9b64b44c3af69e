"""The page's style sheet: two palettes, one layout, and paper.

Every pair of text and ground has a contrast of 4.5 : 1 or more (WCAG 2.2, 1.4.3; a test holds it),
and no colour says anything that a word, a number or a pattern beside it does not say.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT = {
    "ground": "#ffffff",
    "panel": "#f5f7f8",
    "ink": "#15202b",
    "soft": "#556270",
    "line": "#dbe1e6",
    "link": "#0b5c8a",
    "good": "#1f7a63",
    "bad": "#b3400e",
    "wait": "#7a5200",
    "exempt": "#a9b7c2",
    "heat1": "#e4f2ee",
    "heat2": "#bfe0d6",
    "heat3": "#8cc7b6",
    "heat4": "#f4c98f",
    "heat5": "#b3400e",
    "on-heat": "#15202b",
    "on-heat5": "#ffffff",
}
DARK = {
    "ground": "#10161b",
    "panel": "#182127",
    "ink": "#e4eaef",
    "soft": "#9dabb7",
    "line": "#2b363f",
    "link": "#7cc0ea",
    "good": "#4db597",
    "bad": "#ff9a6b",
    "wait": "#e6b35a",
    "exempt": "#5d6d7a",
    "heat1": "#15302a",
    "heat2": "#1b463c",
    "heat3": "#225e50",
    "heat4": "#6d4a12",
    "heat5": "#ff9a6b",
    "on-heat": "#e4eaef",
    "on-heat5": "#10161b",
}


def palette(colours: Mapping[str, str]) -> str:
    """The colours as properties of a style sheet."""
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


def cards(table: str) -> str:
    """A narrow window shows each row of a table as a card of its own."""
    parts = ",".join(f"{table} {part}" for part in ("caption", "tbody", "tr", "th", "td"))
    return f"""
{table},{parts}{{display:block}}
{table} thead{{display:none}}
{table} tr{{border:1px solid var(--line);border-radius:8px;padding:12px 14px;margin-bottom:12px}}
{table} tbody th,{table} td{{border:0;padding:0 0 8px;width:auto!important}}
{table} td:last-child{{padding-bottom:0}}"""


# What every page has: the palette of its reader, letters, blocks to copy, and what is in focus.
BASE = (
    f":root{{color-scheme:light dark;{palette(LIGHT)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{palette(DARK)}}}}}"
    """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:28px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0}
code,pre{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
overflow-wrap:anywhere}
pre{padding:8px 10px;border-radius:6px;background:var(--panel);border:1px solid var(--line);
white-space:pre-wrap;user-select:all}
button{font:inherit;border-radius:6px;border:1px solid var(--line);background:var(--panel);
color:var(--ink);cursor:pointer}
a:focus-visible,[tabindex]:focus-visible,button:focus-visible,summary:focus-visible,
input:focus-visible{outline:2px solid var(--link);outline-offset:2px}
[hidden]{display:none!important}
.soft,.lead{color:var(--soft)}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
"""
)

LAYOUT = """
html{scroll-behavior:smooth}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h2{font-size:19px;line-height:1.3;font-weight:650;letter-spacing:-.005em;margin:0 0 4px}
h3{font-size:15px;font-weight:650;margin:28px 0 8px}
p{margin:0;max-width:75ch}
h1,h3,p,caption,li,.tag,tr.head th,td[colspan]{overflow-wrap:anywhere}
a{color:var(--link);text-underline-offset:2px}
.verdict{font-size:17px;margin-top:20px;max-width:none}
.verdict b{font-weight:650}
nav{margin-top:20px;padding:10px 0;border:1px solid var(--line);
border-width:1px 0}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;margin:0;padding:0}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;
margin:24px 0 0;padding:0;list-style:none}
.tiles li{background:var(--panel);border-radius:8px;padding:14px 16px}
.tiles b{display:block;font-size:26px;line-height:1.25;font-weight:650;letter-spacing:-.01em;
font-variant-numeric:tabular-nums}
.tiles span{display:block;font-size:13px;color:var(--soft)}
section{margin-top:52px;scroll-margin-top:16px}
section>.lead{margin-bottom:14px}
.scroll{overflow-x:auto;margin-top:10px}
.shade{background:linear-gradient(90deg,var(--ground) 50%,transparent) 0 0/48px 100%,
linear-gradient(270deg,var(--ground) 50%,transparent) 100% 0/48px 100%,
linear-gradient(90deg,var(--soft),transparent) 0 0/10px 100%,
linear-gradient(270deg,var(--soft),transparent) 100% 0/10px 100%;background-repeat:no-repeat;
background-attachment:local,local,scroll,scroll}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:0 0 6px;font-size:13px}
details caption{position:absolute;height:1px;padding:0;overflow:hidden;clip-path:inset(50%)}
th{font-weight:600;text-align:left}
thead th{font-size:12.5px;color:var(--soft);
border-bottom:1px solid var(--line);padding:6px 12px 6px 0;vertical-align:bottom;white-space:nowrap}
td,tbody th{padding:7px 12px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
tbody th{font-weight:400}
.num{text-align:right;white-space:nowrap}
td.num,thead th.num{padding-right:20px}
.keep{white-space:nowrap}
tr.head th{padding-top:18px;border-bottom:0;font-weight:600}
tbody th>.tag{white-space:nowrap}
tr.head th>.tag{white-space:normal}
tr.head code{font-weight:400}
.stages{display:inline-block;padding-left:14px;overflow-wrap:anywhere}
.bar{display:block;width:100%;min-width:120px;height:10px;margin-top:6px;border-radius:3px;
background:var(--panel)}
.bar-key{fill:var(--good)}.bar-exempt{fill:var(--exempt)}.bar-exposed{fill:var(--bad)}
.defs{position:absolute}
.hatch{stroke:var(--ground);stroke-width:2}
.tag{display:inline-block;font-weight:400;border:1px solid var(--line);border-radius:4px;
padding:0 6px;font-size:12.5px;line-height:20px}
.tag.bad,.tag.wait,.tag.good{border-color:currentColor}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:10px 0 0;padding:0;
font-size:13px;color:var(--soft)}
.legend svg,.legend i{display:inline-block;width:22px;height:10px;margin-right:6px;
border-radius:2px}
.heat{border-collapse:separate;border-spacing:2px;width:auto}
.heat td,.heat tbody th{border:0;padding:3px 6px}
.heat tbody th{min-width:8.5em;position:sticky;left:0;background:var(--ground)}
.heat thead th{border:0;padding:0 6px 2px;text-align:right;font-weight:400}
.heat thead th.first{text-align:left}
.heat td{text-align:right;min-width:46px;border-radius:3px;color:var(--on-heat)}
.heat .h0{color:var(--soft)}
.h1{background:var(--heat1)}.h2{background:var(--heat2)}.h3{background:var(--heat3)}
.h4{background:var(--heat4)}.heat td.h4{font-weight:600}
.h5{background:var(--heat5)}.heat td.h5{color:var(--on-heat5);font-weight:700}
td>.tag{white-space:nowrap}
.waits{table-layout:fixed}
.waits th:nth-child(1){width:11%}.waits th:nth-child(2){width:17%}
.waits th:nth-child(3){width:36%}.waits th:nth-child(4){width:36%}
.waits td,.waits th{overflow-wrap:break-word}
.waits code{overflow-wrap:anywhere}
.waits .keep{white-space:normal}
pre.command{margin:6px 0}
button{display:block;font-size:13px;padding:3px 12px;margin-bottom:6px}
button:hover{border-color:var(--link)}
.find{margin-top:14px}
.find label{font-size:13px;color:var(--soft)}
.find input{font:inherit;margin-left:8px;padding:6px 10px;width:20em;max-width:100%;
border-radius:6px;border:1px solid var(--soft);background:var(--ground);color:var(--ink)}
.find output{font-size:13px;color:var(--soft)}
details{margin-top:12px;border-top:1px solid var(--line);padding-top:10px}
summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}
summary b{font-weight:650}
.methods,.words{overflow-wrap:anywhere}
.methods code{margin-right:14px;display:inline-block}
.days h3{margin-bottom:2px}
ul.plain{list-style:none;margin:0;padding:0}
footer{margin-top:56px;padding-bottom:48px;font-size:13px;color:var(--soft)}
footer p{border-top:1px solid var(--line);padding-top:14px;max-width:none}
@media screen and (max-width:820px){CARDS_OF_WAITS}
@media(max-width:640px){main,header,footer{padding-left:16px;padding-right:16px}
header{padding-top:24px}section{margin-top:40px}.tiles{grid-template-columns:1fr 1fr}
.tiles li:last-child:nth-child(odd){grid-column:1/-1}
.find input{display:block;margin:4px 0 0;width:100%}}
@media screen and (max-width:640px){CARDS_OF_ROWS
.rows tr{padding:10px 14px;margin-bottom:8px}
.rows tbody th,.rows td{padding-bottom:2px}
.rows tr.head{border:0;margin-bottom:2px;padding:14px 0 0}
.rows td[data-label]::before{content:attr(data-label)": ";color:var(--soft);font-size:12.5px}
.rows td[data-label=Coverage]::before{content:none}.rows .stages{padding:0}
.rows td.num{display:inline-block;text-align:left;margin-right:18px}}
"""

PAPER = """
@page{margin:14mm}
body{font-size:11px}nav,button,.find{display:none}main,header,footer{max-width:none;padding-left:0;padding-right:0}
header{padding-top:0}section{margin-top:26px}.scroll{overflow:visible}table{font-size:10px}
h2,h3,thead{break-after:avoid}tr,.tiles li{break-inside:avoid}thead{display:table-header-group}
.bar,.heat td,.legend i,.legend svg,.tiles li
{-webkit-print-color-adjust:exact;print-color-adjust:exact}
a{color:inherit;text-decoration:none}
h1{font-size:20px}h2{font-size:14px}h3{font-size:11px;margin-top:16px}.verdict{font-size:12.5px}
code,caption,thead th,.legend,.tiles span,footer{font-size:9.5px}
.tag{font-size:9px;line-height:14px}.tiles{grid-template-columns:repeat(5,1fr)}
.tiles b{font-size:18px}.tiles li{padding:8px 10px}td,tbody th{padding:4px 8px 4px 0}
.heat{font-size:8.5px}.heat td,.heat tbody th{min-width:0;padding:2px 3px}
"""

CSS = (
    (BASE + LAYOUT + f"@media print{{{PAPER}}}")
    .replace("CARDS_OF_WAITS", cards(".waits"))
    .replace("CARDS_OF_ROWS", cards(".rows"))
    .replace("\n", "")
)
