"""Draws the table: a bar per system within each fault, on a scale of tens, and beside it what was lost."""
import html
import math

LEFT, BAR, RIGHT = 190, 430, 400
ROW, HEAD, GAP, TOP = 22, 26, 12, 66
LEAST, MOST = 0.01, 100.0
FAULTS = {
    "kill": "PostgreSQL killed (kill -9)",
    "site": "the whole site killed",
    "freeze": "PostgreSQL frozen (SIGSTOP), thawed after the move",
    "switchover": "planned switchover",
    "standby": "the standby killed",
    "cut": "network of the site cut for 45 s, users on both sides",
}
STYLE = """text{font:13px system-ui,sans-serif;fill:#222}.head{font-weight:600}.small{font-size:11px;fill:#666}
.title{font-size:16px;font-weight:600}.bad{fill:#b3261e;font-weight:600}.grid{stroke:#ddd}.most{stroke:#444;stroke-width:1.5}
.muster{fill:#2b6cb0}.peer{fill:#b8c1cc}"""


def place(seconds):
    part = (math.log10(min(max(seconds, LEAST), MOST)) - math.log10(LEAST)) / (math.log10(MOST) - math.log10(LEAST))
    return LEFT + part * BAR


def number(seconds):
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def text(x, y, what, kind="", anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{html.escape(what)}</text>'


def scale(top, bottom):
    parts = []
    for seconds in (0.01, 0.1, 1, 10, 100):
        x = place(seconds)
        parts.append(f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{top}" y2="{bottom}"/>')
        parts.append(text(x, top - 6, f"{seconds:g} s", "small", "middle"))
    return parts


def bar(row, y):
    parts = [text(LEFT - 8, y + 15, f"{row['system']} ({row['replication']})", "", "end")]
    if row["median_s"] is not None:
        end, most = place(row["median_s"]), place(row["max_s"])
        kind = "muster" if row["system"] == "muster" else "peer"
        parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y + 4}" width="{end - LEFT:.1f}" height="{ROW - 8}"/>')
        parts.append(f'<line class="most" x1="{end:.1f}" x2="{most:.1f}" y1="{y + 11}" y2="{y + 11}"/>')
        parts.append(f'<line class="most" x1="{most:.1f}" x2="{most:.1f}" y1="{y + 7}" y2="{y + 15}"/>')
        parts.append(text(LEFT + BAR + 14, y + 15, f"{number(row['median_s'])} s, at most {number(row['max_s'])} s"))
    harm = [f"{row[key]:,} {what}" for key, what in (("lost", "lost"), ("double", "double")) if row[key]]
    parts.append(text(LEFT + BAR + 184, y + 15, ", ".join(harm) or "0 lost", "bad" if harm else ""))
    return parts


def draw(rows):
    """The picture as SVG; a row's system, fault and replication name its bar."""
    groups = [(fault, [row for row in rows if row["fault"] == fault]) for fault in FAULTS]
    groups = [(fault, found) for fault, found in groups if found]
    height = TOP + sum(HEAD + ROW * len(found) + GAP for _, found in groups)
    width = LEFT + BAR + RIGHT
    body = [text(14, 24, "Outage that a client of a PostgreSQL pair sees: median, and the longest run", "title")]
    body += scale(TOP - 12, height - GAP)
    y = TOP
    for fault, found in groups:
        body.append(text(14, y + 17, FAULTS[fault], "head"))
        y += HEAD
        for row in found:
            body += bar(row, y)
            y += ROW
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f'<style>{STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>' + "\n".join(body) + "</svg>\n")
