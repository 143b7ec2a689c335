"""How the page of a calibration's report looks: light, dark, and on paper."""

from __future__ import annotations

from napari_sdannce.calibration.findings import Grade

from .axes import ORANGE
from .figure import PARTS

GRADE_COLORS = {Grade.GOOD: "#1f7a45", Grade.USABLE: ORANGE, Grade.RECORD_AGAIN: "#b52a22"}
GRADE_INKS = {Grade.GOOD: "#ffffff", Grade.USABLE: "#1d232b", Grade.RECORD_AGAIN: "#ffffff"}
"""Words that can be read on these colours."""
_DARK = {"ink": "#e6e9ee", "faint": "#4a5361", "paper": "#15181d", "panel": "#20252d"}


def style_of(grade: Grade) -> str:
    """Style sheet of a report of this grade."""
    light = "".join(f"--{name}:{color};" for name, color in PARTS.items())
    dark = "".join(f"--{name}:{color};" for name, color in _DARK.items())
    drawn = "".join(
        f".fill-{name}{{fill:var(--{name})}}.stroke-{name}{{stroke:var(--{name})}}"
        for name in PARTS
    )
    banner = f"background:{GRADE_COLORS[grade]};color:{GRADE_INKS[grade]}"
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"{drawn}\n.banner{{{banner}}}\n{_CSS}"
    )


_CSS = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,Helvetica,Arial,sans-serif;overflow-wrap:anywhere;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
.banner,main{padding:20px max(20px,calc(50vw - 560px))}
.banner h1{margin:0;font-size:28px;line-height:1.25}
.banner p{margin:6px 0 0}
h2{font-size:19px;margin:28px 0 8px}
.findings h2:first-child{margin-top:8px}
ul{margin:0;padding-left:20px}
.numbers{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px;margin:0}
.numbers div{background:var(--panel);border-radius:6px;padding:10px 14px;break-inside:avoid}
.numbers dd{margin:0}
.numbers strong{display:block;font-size:21px}
.numbers span{font-size:13px}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid var(--faint);overflow-wrap:normal}
td{white-space:nowrap}
th:first-child{text-align:left;padding-left:0;min-width:90px;max-width:240px;overflow-wrap:anywhere}
thead th{vertical-align:bottom;font-weight:600}
figure{margin:0}
figcaption{max-width:70em;margin-bottom:10px}
.figures{display:flex;flex-wrap:wrap;gap:16px}
.figures svg{max-width:100%;height:auto;break-inside:avoid}
@page{size:A4;margin:14mm}
@media print{body{font-size:12px}.banner,main{padding:10px 0}.banner{padding:14px}
h2{break-after:avoid;margin-top:18px}table{font-size:8px}th,td{padding:2px 3px}
th:first-child{min-width:50px}
.wide{overflow:visible}.figures{display:block}.figures svg{max-width:49%}
.figures svg:only-child{max-width:100%;max-height:235mm}
figcaption{break-after:avoid}.one,tr{break-inside:avoid}.numbers{grid-template-columns:repeat(3,1fr)}}
"""
