"""A still picture: what a camera gave is looked at, and masked, before it is kept."""

import io
import struct

from PIL import Image
from PIL.Image import Transpose

from .masks import Polygon, paint
from .models import NotTaken, Taken, What

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""More than any camera at a door has; a picture of a few bytes can be larger than memory."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 90
# What Pillow raises at what is not whole, or not what it says it is: its readers of many
# formats trust what they read.
_NOT_A_PICTURE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error),
    *(TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError),
)
_ORIENTATION = 0x0112
_TURNED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""How what is seen is had from what is in the file; Exif 2.32, 4.6.4, Orientation."""


def develop(data: bytes, masks: tuple[Polygon, ...]) -> Taken:
    """Make what is kept of what a camera gave. For a thread: it takes a while.

    A JPEG without a mask stays as the camera made it; all else becomes one, without
    what a camera writes into it beside the picture. Raises NotTaken.
    """
    if len(data) > MAX_BYTES:
        raise NotTaken("too_large")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise NotTaken("too_large")
            image.load()
            if image.format == "JPEG" and not masks:
                return Taken(data, What.STILL, image.width, image.height)
            # Zones are drawn on what is seen.
            turned = _TURNED.get(image.getexif().get(_ORIENTATION, 1))
            upright = image if turned is None else image.transpose(turned)
            seen = upright.convert("RGB")
            # A picture takes what stood beside it along, unless it is a new one.
            kept = Image.new("RGB", seen.size)
            kept.paste(seen)
    except Image.DecompressionBombError:
        raise NotTaken("too_large") from None
    except _NOT_A_PICTURE:
        raise NotTaken("not_a_picture") from None
    paint(kept, masks)
    made = io.BytesIO()
    kept.save(made, "JPEG", quality=_QUALITY)
    return Taken(made.getvalue(), What.STILL, *kept.size, len(masks))
