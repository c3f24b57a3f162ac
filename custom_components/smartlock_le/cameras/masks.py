"""Mask zones: what of a camera's picture is never kept, as polygons over it."""

from collections.abc import Iterator, Sequence
from itertools import batched, combinations, groupby, pairwise
import math

from PIL import Image, ImageDraw

type Corner = tuple[float, float]
type Polygon = tuple[Corner, ...]
"""Corners as parts of width and height, from the upper left: 0.0 to 1.0."""

MAX_POLYGONS = 20
MAX_CORNERS = 100
_LEAST = 3


def parse(text: str) -> tuple[Polygon, ...]:
    """Read one polygon a line, `x1,y1,x2,y2,...`, as Frigate writes its masks.

    Raises ValueError; its text says nothing that was read.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_POLYGONS:
        raise ValueError("too many zones")
    return tuple(map(_polygon, lines))


def _polygon(line: str) -> Polygon:
    try:
        numbers = [float(part) for part in line.split(",")]
    except ValueError:
        raise ValueError("not numbers") from None
    # Not a number is in no range.
    if not all(math.isfinite(number) and 0 <= number <= 1 for number in numbers):
        raise ValueError("not between 0 and 1")
    if len(numbers) % 2:
        raise ValueError("half a corner")
    # Some repeat a corner, or the first one at the end.
    read = ((x, y) for x, y in batched(numbers, 2, strict=True))
    corners = [corner for corner, _ in groupby(read)]
    if corners[0] == corners[-1]:
        corners.pop()
    if not _LEAST <= len(corners) <= MAX_CORNERS:
        raise ValueError("not the corners of a zone")
    if _crosses(corners):
        # What is inside of it twice would not be painted.
        raise ValueError("its edges cross")
    return tuple(corners)


def _crosses(corners: Sequence[Corner]) -> bool:
    """Tell whether edges that are no neighbours have a point in common."""
    edges = list(pairwise([*corners, corners[0]]))
    return any(
        other - at not in (1, len(edges) - 1) and _meet(*edge, *another)
        for (at, edge), (other, another) in combinations(enumerate(edges), 2)
    )


def _meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    """Tell whether the edges ab and cd have a point in common."""
    sides = _side(a, b, c) * _side(a, b, d), _side(c, d, a) * _side(c, d, b)
    # On one line, or touching, they need not reach each other.
    near = all(
        max(min(a[i], b[i]), min(c[i], d[i])) <= min(max(a[i], b[i]), max(c[i], d[i]))
        for i in (0, 1)
    )
    return near and max(sides) <= 0


def _side(a: Corner, b: Corner, c: Corner) -> float:
    """Return on which side of the line through a and b c is: its sign; 0: on it."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def paint(image: Image.Image, masks: tuple[Polygon, ...]) -> None:
    """Black out the zones."""
    draw = ImageDraw.Draw(image)
    for polygon in masks:
        draw.polygon([(x * image.width, y * image.height) for x, y in polygon], fill=0)


_GRID = (320, 180)
"""Cells of a picture, columns and rows, where only rectangles can be black."""
_FINE = 4
_MOST = 1000
"""Rectangles: all of them are one argument of a program, which has an end."""


def rectangles(masks: tuple[Polygon, ...]) -> list[tuple[float, float, float, float]]:
    """Return rectangles that cover the zones, and little more: x, y, width, height.

    All in parts of the picture. For a thread: it takes a while.
    """
    columns, rows = _GRID
    while len(found := _covering(masks, columns, rows)) > _MOST:
        # Coarser, there are fewer, and more is black.
        columns, rows = columns // 2, rows // 2
    return found


def _covering(
    masks: tuple[Polygon, ...], columns: int, rows: int
) -> list[tuple[float, float, float, float]]:
    # Each cell that a zone touches, edges included, is one of it.
    fine = Image.new("1", (columns * _FINE, rows * _FINE))
    draw = ImageDraw.Draw(fine)
    for polygon in masks:
        corners = [(x * fine.width, y * fine.height) for x, y in polygon]
        draw.polygon(corners, fill=1, outline=1)
    cells = fine.convert("L").reduce(_FINE).point(lambda level: 255 if level else 0)
    found = []
    begun: dict[tuple[int, int], int] = {}
    for row in range(rows + 1):
        line = cells.crop((0, row, columns, row + 1)).tobytes() if row < rows else b""
        runs = set(_runs(line))
        for run in set(begun) - runs:
            first, (start, end) = begun.pop(run), run
            found.append(
                (
                    start / columns,
                    first / rows,
                    (end - start) / columns,
                    (row - first) / rows,
                )
            )
        for run in runs:
            begun.setdefault(run, row)
    return sorted(found)


def _runs(line: bytes) -> Iterator[tuple[int, int]]:
    """Yield where what is not 0 begins and ends."""
    at = 0
    for inside, group in groupby(line, bool):
        length = len(list(group))
        if inside:
            yield at, at + length
        at += length
