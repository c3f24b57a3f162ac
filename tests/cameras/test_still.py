"""What is made of what a camera gives, and of what is no picture."""

import io
from itertools import pairwise
from math import hypot

from hypothesis import given, settings, strategies as st
from PIL import Image, ImageChops, ImageOps
import pytest

from custom_components.smartlock_le.cameras import still as module
from custom_components.smartlock_le.cameras.masks import (
    MAX_CORNERS,
    MAX_POLYGONS,
    Polygon,
    paint,
    parse,
    rectangles,
)
from custom_components.smartlock_le.cameras.models import NotTaken, Taken, What
from custom_components.smartlock_le.cameras.still import develop
from virtual_home.camera import HEIGHT, WIDTH, DoorCamera, bomb

LEFT_HALF = "0,0,0.5,0,0.5,1,0,1"
HALF = parse(LEFT_HALF)


def as_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def opened(still: Taken) -> Image.Image:
    """Return what can be seen of a kept picture."""
    image = Image.open(io.BytesIO(still.data))
    assert image.format == "JPEG"
    assert image.size == (still.width, still.height)
    return image.convert("RGB")


def wrong(data: bytes) -> str:
    """Return why something is not kept."""
    with pytest.raises(NotTaken) as caught:
        develop(data, ())
    return caught.value.result


def test_a_jpeg_stays_as_it_is() -> None:
    """Byte by byte: it may be evidence."""
    data = DoorCamera().picture(0)
    assert develop(data, ()) == Taken(data, What.STILL, WIDTH, HEIGHT)


def test_a_zone_is_black() -> None:
    """It is nothing but black, to its edge; beside it all stays."""
    image = opened(develop(DoorCamera().picture(0), parse(LEFT_HALF)))
    left = image.crop((0, 0, WIDTH // 2 - 8, HEIGHT))
    assert max(high for _, high in left.getextrema()) <= 8
    red, green, blue = image.getpixel((WIDTH - 20, 20))
    assert blue > 150 > red and green < 80


def test_a_zone_takes_what_is_hidden_in_the_file() -> None:
    """A camera puts a small picture, and where it was, beside the picture."""
    image = Image.new("RGB", (64, 64), "white")
    exif = Image.Exif()
    exif[0x010E] = "taken at the front door"
    data = as_bytes(image, "JPEG", exif=exif, comment=b"serial number 4711")
    kept = develop(data, parse(LEFT_HALF)).data
    assert b"front door" in data and b"4711" in data
    assert b"front door" not in kept and b"4711" not in kept


@pytest.mark.parametrize("orientation", range(1, 9))
def test_zones_are_of_what_is_seen(orientation: int) -> None:
    """A camera that hangs on its side says so in the file; Pillow's own word is ours."""
    image = Image.new("RGB", (64, 48), "white")
    image.paste("red", (0, 0, 32, 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = as_bytes(image, "JPEG", exif=exif)
    seen = opened(develop(data, parse(LEFT_HALF)))
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert turned and seen.size == turned.size
    width, height = seen.size
    black = seen.crop((0, 0, width // 2 - 8, height)).getextrema()
    assert max(high for _, high in black) <= 8
    for y in (4, height - 5):
        spot = (width - 5, y)
        pairs = zip(seen.getpixel(spot), turned.getpixel(spot), strict=True)
        assert all(abs(one - other) < 30 for one, other in pairs)


@pytest.mark.parametrize("resolution", [(1, 0), (0, 0), 0.0])
def test_odd_exif(resolution: object) -> None:
    """What stands beside the picture is not what it is."""
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, resolution
    data = as_bytes(Image.new("RGB", (60, 40)), "JPEG", exif=exif.tobytes())
    assert develop(data, parse(LEFT_HALF)).masks == 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_another_format_becomes_a_jpeg(kind: str, mode: str) -> None:
    """Whatever its colours are made of."""
    data = as_bytes(Image.new(mode, (32, 16)), kind)
    assert opened(develop(data, ())).size == (32, 16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\xff\xd8\xff",
        DoorCamera().picture(0)[:-2000],
        as_bytes(Image.new("RGB", (8, 8)), "GIF"),
        as_bytes(Image.new("RGB", (8, 8)), "TIFF"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_no_picture(data: bytes) -> None:
    """A page, half a picture, or a format that no camera has."""
    assert wrong(data) == "not_a_picture"


@pytest.mark.parametrize("size", [(20_000, 10_000), (10_000, 6_000)])
def test_a_bomb(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    """It is not unpacked, whether Pillow or we find it too large."""
    data = bomb(*size)
    assert len(data) < 100_000
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("unpacked"))
    assert wrong(data) == "too_large"


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not even looked at."""
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    assert wrong(bytes(11)) == "too_large"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_hostile_bytes(data: st.DataObject) -> None:
    """A picture that was spoilt anywhere is kept whole, or refused by its name."""
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x010E] = 6, 72.0, "the front door"
    image = Image.new("RGB", (16, 16), "red")
    spoilt = bytearray(as_bytes(image, kind, exif=exif))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at] = data.draw(st.integers(0, 255))
    try:
        kept = develop(bytes(spoilt), data.draw(st.sampled_from([(), HALF])))
    except NotTaken:
        return
    opened(kept)


class TestZones:
    """How zones are written."""

    def test_several(self) -> None:
        """One a line, as Frigate writes them; empty lines mean nothing."""
        read = parse(f"{LEFT_HALF}\n\n 0.1, 0.1, 0.2,0.1, 0.2,0.2 \n")
        assert read == (
            ((0, 0), (0.5, 0), (0.5, 1), (0, 1)),
            ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)),
        )
        assert parse("") == ()

    @pytest.mark.parametrize(
        "text",
        [
            "0,0,1,1",
            "0,0,1,0,1",
            "0,0,1,0,1,1.01",
            "0,0,1,0,-0.1,1",
            "0,0,1,0,1,nan",
            "0,0,1,0,1,inf",
            "left half",
            # A star: its middle is inside of it twice.
            "0.5,0,0.8,0.95,0,0.35,1,0.35,0.2,0.95",
            # A bow.
            "0,0,1,1,1,0,0,1",
            # Twice around, and a smaller one within that begins at the same corner.
            "0,0,1,0,1,1,0,1,0,0,0.5,0,0.5,0.5,0,0.5",
            "0.5,0.5,0.5,0.5,0.5,0.5",
            "0;0;1;0;1;1",
            ",".join(["0.5"] * 2 * (MAX_CORNERS + 1)),
            "\n".join([LEFT_HALF] * (MAX_POLYGONS + 1)),
        ],
    )
    def test_wrong(self, text: str) -> None:
        """What is no zone is refused, all of it."""
        with pytest.raises(ValueError):
            parse(text)

    def test_a_corner_twice(self) -> None:
        """Some repeat one, or end with the first."""
        assert parse(f"{LEFT_HALF},0,0") == parse(LEFT_HALF)
        assert parse("0,0,0,0,0.5,0,0.5,1,0.5,1,0,1") == parse(LEFT_HALF)

    def test_many_rectangles(self) -> None:
        """They are one argument of a program, which has an end; more is black then."""
        strips = ((x / 20, 0.0) for x in range(20))
        zones = tuple(
            ((x, 0.0), (x + 0.02, 0.0), (min(1, x + 0.07), 1.0), (x + 0.045, 1.0))
            for x, _ in strips
        )
        assert 100 < len(rectangles(zones)) <= 1000

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 16), st.integers(0, 16)), min_size=3, max_size=9
        )
    )
    def test_rectangles(self, corners: list[tuple[int, int]]) -> None:
        """They cover all that a picture has black, of any size, and little more."""
        line = ",".join(f"{x / 16},{y / 16}" for x, y in corners)
        try:
            zones = parse(line)
        except ValueError:
            return
        covered = rectangles(zones)
        for size in ((640, 360), (333, 777)):
            wanted, black = Image.new("L", size, 255), Image.new("L", size, 255)
            paint(wanted, zones)
            for x, y, width, height in covered:
                # As the filter of ffmpeg counts: cut off, and a pixel on each side.
                left, top = int(x * size[0] - 1), int(y * size[1] - 1)
                box = (left, top, left + int(width * size[0]) + 3)
                black.paste(0, (*box, top + int(height * size[1]) + 3))
            left_out = ImageChops.subtract(black, wanted)
            assert left_out.getbbox() is None
            more = ImageChops.subtract(wanted, black).histogram()[255]
            # A rim along the edges: a cell and the pixels beside it.
            (zone,) = zones
            around_it = sum(
                hypot((x2 - x1) * size[0], (y2 - y1) * size[1])
                for (x1, y1), (x2, y2) in pairwise([*zone, zone[0]])
            )
            cell = size[0] / 320 + size[1] / 180 + 3
            assert more <= around_it * cell + 8 * cell * cell

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 16), st.integers(0, 16)), min_size=3, max_size=9
        )
    )
    def test_all_inside_is_black(self, corners: list[tuple[int, int]]) -> None:
        """Whatever is accepted: a point that the edges go around is painted."""
        text = ",".join(f"{x / 16},{y / 16}" for x, y in corners)
        try:
            zones = parse(text)
        except ValueError:
            return
        white = as_bytes(Image.new("RGB", (160, 160), "white"), "PNG")
        image = opened(develop(white, zones))
        for x in range(5, 160, 10):
            for y in range(5, 160, 10):
                if around(zones[0], x / 160, y / 160):
                    # Compression spreads what is beside it.
                    assert max(image.getpixel((x, y))) < 100


def around(zone: Polygon, x: float, y: float) -> int:
    """Return how often the edges of a zone go around a point."""
    winding = 0
    for (x1, y1), (x2, y2) in pairwise([*zone, zone[0]]):
        left = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if y1 <= y < y2 and left > 0:
            winding += 1
        elif y2 <= y < y1 and left < 0:
            winding -= 1
    return winding
