"""How numbers, periods and lists are written."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence

WIDE = '<p class="wide">Wider than a small screen: move it sideways.</p>'
LEAST = 0.0005  # of a part of a difference: what is smaller is no tenth of a point


class Text(str):
    """Sentences, a paragraph a line, that show as paragraphs in a notebook; names from the data cannot become HTML."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(line)}</p>" for line in self.splitlines())


class Grid(Text):
    """A small table of texts under its caption: a line a row as text, a table in a notebook. All rows have one head.

    >>> print(Grid("Shares of staff", [{"group": "abroad", "2021": "18 %"}, {"group": "here", "2021": "82 %"}]))
    Shares of staff.
    group: abroad | 2021: 18 %
    group: here | 2021: 82 %
    """

    def __new__(cls, caption: str, rows: Sequence[Mapping[str, str]]) -> "Grid":
        said = [" | ".join(f"{head}: {cell}" for head, cell in row.items() if cell) for row in rows]
        grid = super().__new__(cls, lines([f"{caption}.", *said]))
        grid.caption, grid.rows = caption, rows
        return grid

    def _repr_html_(self) -> str:
        caption = html.escape(self.caption)
        heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in self.rows[0])
        body = "".join(f"<tr>{_cells(row.values())}</tr>" for row in self.rows)
        table = f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        return f'{WIDE}<div class="grid" role="region" aria-label="{caption}" tabindex="0">{table}</div>'


def _cells(texts: Iterable[str]) -> str:
    first, *others = map(html.escape, texts)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{text}</td>" for text in others)


def percent(share: float) -> str:
    r"""Write a share as a percentage: one decimal, below 1 % two significant figures.

    >>> percent(0.2653), percent(0.00412), percent(0), percent(-0.013)
    ('26.5\xa0%', '0.41\xa0%', '0\xa0%', '−1.3\xa0%')
    """
    written = f"{100 * share:.2g}" if abs(share) < 0.00995 else f"{100 * share:.1f}"
    return f"{written}\N{NO-BREAK SPACE}%".replace("-", "−")


def decimal(ratio: float) -> str:
    """Write a ratio with two decimals.

    >>> decimal(0.745), decimal(-0.03), decimal(float("inf"))
    ('0.74', '−0.03', 'infinite')
    """
    return "infinite" if math.isinf(ratio) else f"{ratio:.2f}".replace("-", "−")


def points(difference: float) -> str:
    r"""Write a difference of shares in percentage points, with its sign, to a tenth.

    >>> points(0.0274), points(-0.0031), points(-0.00034), points(0)
    ('+2.7 points', '−0.3 points', '−0.0 points', '0 points')
    """
    return f"{100 * difference:+.1f} points".replace("-", "−") if difference else "0 points"


def in_size(difference: float) -> str:
    """Write how large a difference of shares is, in percentage points, whichever way it goes.

    >>> in_size(0.0274), in_size(-0.0031)
    ('2.7 points', '0.3 points')
    """
    return points(abs(difference)).lstrip("+")


def waited(years: float) -> str:
    """Write how many years something takes, to a tenth.

    >>> waited(5.98), waited(0.04), waited(float("inf"))
    ('6.0', 'less than 0.1', 'never')
    """
    return "never" if math.isinf(years) else f"{years:.1f}" if years >= 0.05 else "less than 0.1" if years else "0"


def in_points(parts: Mapping[str, float]) -> str:
    r"""List the parts of a difference in percentage points; those below a tenth come last, those of nothing not at all.

    >>> in_points({"from hires": 0.0274, "from exits": -0.0004, "from moves": 0})
    '+2.7 points from hires and less than 0.1 points from exits'
    """
    moved = [f"{points(size)} {part}" for part, size in parts.items() if abs(size) >= LEAST]
    return listed(moved + [f"less than 0.1 points {part}" for part, size in parts.items() if 0 < abs(size) < LEAST])


def odds(probability: float) -> str:
    r"""Write a chance as so many times in ten, a hundred or a thousand.

    >>> odds(0.013), odds(0.26), odds(0.0002)
    ('about 1 in 100 (1.3\xa0%)', 'about 3 in 10 (26.0\xa0%)', 'less than 1 in 1,000')
    """
    if not 0.001 <= probability <= 0.999:
        return "less than 1 in 1,000" if probability < 0.5 else "more than 999 in 1,000"
    of = next(number for number in (10, 100, 1000) if 1 / number <= probability <= 1 - 1 / number)
    return f"about {probability * of:.0f} in {of:,} ({percent(probability)})"


def hundredths(share: float) -> str:
    """Write a share as so many of a hundred.

    >>> hundredths(0.477)
    '48'
    """
    return f"{100 * share:.0f}"


def likely(probability: float) -> str:
    r"""Write a chance as a percentage, as far as drawing can tell it.

    >>> likely(0.051), likely(1e-9), likely(1)
    ('5.1\xa0%', 'below 0.1\xa0%', 'above 99.9\xa0%')
    """
    if 0.001 <= probability <= 0.999:
        return percent(probability)
    return "below 0.1\N{NO-BREAK SPACE}%" if probability < 0.5 else "above 99.9\N{NO-BREAK SPACE}%"


def persons(number: float) -> str:
    """Write how many people, whole.

    >>> persons(0.7), persons(1250.2)
    ('1 person', '1,250 persons')
    """
    return "1 person" if round(number) == 1 else f"{number:,.0f} persons"


def chance(p: float) -> str:
    """Write a p-value.

    >>> chance(0.0004), chance(0.0312)
    ('p below 0.001', 'p 0.031')
    """
    return "p below 0.001" if p < 0.001 else f"p {p:.2g}"


def run(period: str) -> str:
    """Write a run of steps such as 2021/2025 in words."""
    return "{} to {}".format(*period.split("/")) if "/" in period else period


def listed(names: Iterable[str]) -> str:
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def lines(said: Iterable[str]) -> str:
    """Write a sentence a line, whatever line breaks the names in it hold."""
    return "\n".join(" ".join(sentence.splitlines()) for sentence in said)
