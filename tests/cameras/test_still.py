"""What is made of what a camera gives, and of what is no picture."""

import io

from hypothesis import given, settings, strategies as st
from PIL import Image
import pytest

from custom_components.smartlock_le.cameras import still as module
from custom_components.smartlock_le.cameras.masks import (
    MAX_CORNERS,
    MAX_POLYGONS,
    parse,
)
from custom_components.smartlock_le.cameras.still import Still, StillError, develop
from virtual_home.camera import HEIGHT, WIDTH, DoorCamera, bomb

LEFT_HALF = "0,0,0.5,0,0.5,1,0,1"


def as_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def opened(still: Still) -> Image.Image:
    """Return what can be seen of a kept picture."""
    image = Image.open(io.BytesIO(still.data))
    assert image.format == "JPEG"
    assert image.size == (still.width, still.height)
    return image.convert("RGB")


def wrong(data: bytes) -> str:
    """Return why something is not kept."""
    with pytest.raises(StillError) as caught:
        develop(data, ())
    return caught.value.result


def test_a_jpeg_stays_as_it_is() -> None:
    """Byte by byte: it may be evidence."""
    data = DoorCamera().picture()
    assert develop(data, ()) == Still(data, WIDTH, HEIGHT)


def test_a_zone_is_black() -> None:
    """It is nothing but black, to its edge; beside it all stays."""
    image = opened(develop(DoorCamera().picture(), parse(LEFT_HALF)))
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


def test_zones_are_of_what_is_seen() -> None:
    """A camera that hangs on its side says so in the file."""
    image = Image.new("RGB", (60, 40), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    seen = opened(develop(as_bytes(image, "JPEG", exif=exif), parse(LEFT_HALF)))
    assert seen.size == (40, 60)
    assert seen.getpixel((2, 50)) == (0, 0, 0)
    assert seen.getpixel((38, 2)) == (255, 255, 255)


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
        DoorCamera().picture()[:-2000],
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
    spoilt = bytearray(as_bytes(Image.new("RGB", (16, 16), "red"), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at] = data.draw(st.integers(0, 255))
    try:
        kept = develop(bytes(spoilt), ())
    except StillError:
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
            "0;0;1;0;1;1",
            ",".join(["0.5"] * 2 * (MAX_CORNERS + 1)),
            "\n".join([LEFT_HALF] * (MAX_POLYGONS + 1)),
        ],
    )
    def test_wrong(self, text: str) -> None:
        """What is no zone is refused, all of it."""
        with pytest.raises(ValueError):
            parse(text)
