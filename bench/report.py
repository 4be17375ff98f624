"""The results as a table for people."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import OURS, Line, Results

PEERS = ("restic", "borg")
_HEADINGS = ("measure", OURS, *PEERS, "ratio", "bar", "reached")
_ANSWERS = {True: "yes", False: "NO", None: ""}


def render(results: Results) -> str:
    """Return the whole report as text."""
    parts = [f"{name}: {text}" for name, text in {**results.machine, **results.tools}.items()]
    parts += [f"data: {text}" for text in results.corpora]
    sections = list(dict.fromkeys(line.section for line in results.lines))
    for section in sections:
        rows = [_row(line, results.tools) for line in results.lines if line.section == section]
        parts += ["", *_table(section, rows)]
    parts += [
        "",
        "Values: median (lowest - highest). Ratio: against the bar's peer; with >=, how many times faster.",
    ]
    parts += [f"note: {remark}" for remark in results.remarks]
    return "\n".join(parts) + "\n"


def _row(line: Line, tools: dict[str, str]) -> tuple[str, ...]:
    cells = [_cell(line, tool, tools) for tool in (OURS, *PEERS)]
    ratio = ""
    if line.bar is not None and line.bar.peer:
        value = line.ratio(line.bar.peer)
        ratio = f"{value:.2f}x" if value is not None else "no peer"
    bar = ""
    if line.bar is not None:
        bar = line.bar.text if line.bar.peer else f"{line.bar.text} {line.unit}"
    return (line.measure, *cells, ratio, bar, _ANSWERS[line.reached()])


def _cell(line: Line, tool: str, tools: dict[str, str]) -> str:
    values = line.values.get(tool)
    middle = line.middle(tool)
    if not values or middle is None:
        return "absent" if tool not in tools and len(line.values) > 1 else "-"
    text = f"{_number(middle)} {line.unit}"
    if len(values) > 1 and min(values) != max(values):
        text += f" ({_number(min(values))} - {_number(max(values))})"
    return text


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _table(section: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    headings = (section, *_HEADINGS[1:])
    used = [i for i in range(len(headings)) if i < 2 or any(row[i] not in ("", "-") for row in rows)]
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in used]
    for number, row in enumerate((headings, *rows)):
        yield "  ".join(row[i].ljust(width) for i, width in zip(used, widths, strict=True)).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)
