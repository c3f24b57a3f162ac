"""Mask zones: what of a camera's picture is never kept, as polygons over it."""

from itertools import batched
import math

from PIL import Image, ImageDraw

type Polygon = tuple[tuple[float, float], ...]
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
    if len(numbers) % 2 or not _LEAST <= len(numbers) // 2 <= MAX_CORNERS:
        raise ValueError("not the corners of a zone")
    return tuple((x, y) for x, y in batched(numbers, 2, strict=True))


def paint(image: Image.Image, masks: tuple[Polygon, ...]) -> None:
    """Black out the zones."""
    draw = ImageDraw.Draw(image)
    for polygon in masks:
        draw.polygon([(x * image.width, y * image.height) for x, y in polygon], fill=0)
