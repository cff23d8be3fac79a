"""What such a script has to tell, once, for a terminal, a job summary and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..cloud.bill import Bill, Item
from ..job_summary import failure_lines
from ..model import Json
from ..problems import Failure
from ..report import Terminal, dollars, error_value


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column is words, the others are amounts or short remarks."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Told:
    """`verdict` is one word for programs, `title` the line that says what happened; `values` are what
    programs get besides. With an `error`, the work was not finished."""

    verdict: str
    title: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    values: Mapping[str, Json] = field(default_factory=dict)
    error: Failure | None = None


def tell(told: Told, terminal: Terminal) -> None:
    """Say it to a person."""
    if told.error:
        terminal.problem(told.error)
    else:
        terminal.stage(told.title)
    for table in told.tables:
        show(table, terminal)
    for note in told.notes:
        terminal.note(note)


def show(table: Table, terminal: Terminal) -> None:
    terminal.stage(table.heading)
    for line in aligned(table):
        terminal.note(line)


def aligned(table: Table) -> list[str]:
    """The table as lines, its columns below each other."""
    rows = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def markdown(told: Told) -> str:
    """The job summary."""
    lines = failure_lines(told.error) if told.error else [f"### {told.title}", ""]
    for table in told.tables:
        lines += [f"**{table.heading}**", "", row(table.columns), row("---" for _ in table.columns)]
        lines += [*map(row, table.rows), ""]
    lines += [f"- {note}" for note in told.notes]
    return "\n".join(lines) + "\n"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def as_json(told: Told) -> str:
    """One line for programs."""
    verdict = "failed" if told.error else told.verdict
    return json.dumps({"verdict": verdict, **told.values, "error": error_value(told.error)})


def bill_table(heading: str, bill: Bill, *, foreseen: bool = False) -> Table:
    """What is billed, item by item, with the sum; of what is only `foreseen`, nothing has cost yet."""
    rows = [(item.name, amount(item.monthly), amount(item.so_far), item.unused) for item in bill.items]
    rows.append(("In all", amount(bill.monthly), amount(bill.so_far), ""))
    if foreseen:
        return Table(heading, ("", "a month"), tuple(cells[:2] for cells in rows))
    return Table(heading, ("", "a month", "this month so far", ""), tuple(rows))


def amount(dollars_: float | None) -> str:
    """To the cent, which is what is known; "?" for what is not."""
    return "?" if dollars_ is None else dollars(dollars_)


def item_value(item: Item) -> dict[str, Json]:
    """An item for programs: dollars to the cent."""
    return {
        "name": item.name,
        "monthly": rounded(item.monthly),
        "so_far": rounded(item.so_far),
        "unused": item.unused,
    }


def rounded(dollars_: float | None) -> float | None:
    return None if dollars_ is None else round(dollars_, 2)
