#!/usr/bin/env python3
"""Pictures of every kind, and beside each what Pillow makes of it: the reference that the worker's pixels are held to.

Writes FOLDER/NAME, and FOLDER/NAME.rgb (its pixels, upright, over BACKGROUND) where Pillow reads it, and prints a line of
JSON for each: its name, its size, and whether the worker must read it, must refuse it, or may do either.

example: .tools/python/bin/python backend/tests/pixels/make.py target/pixels
"""

import argparse
import io
import itertools
import json
import random
import struct
import sys
import warnings
from pathlib import Path

from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent))
import jpeg_parts  # noqa: E402
import png_parts  # noqa: E402

BACKGROUND = (250, 120, 10)
FIXTURES = Path(__file__).parents[3] / "tests/fixtures"


def scene(width, height, mode="RGB", seed=1):
    """Slopes, an edge and some noise, the same on every machine."""
    chance = random.Random(seed)
    data = bytearray()
    for y in range(height):
        for x in range(width):
            edge = 70 if (x // 11 + y // 7) % 2 else 0
            data += bytes([(x * 5 + edge) % 256, (y * 6 + x + edge) % 256, (200 - x * 2 + y + chance.randrange(20)) % 256])
    return Image.frombytes("RGB", (width, height), bytes(data)).convert(mode)


def reference(payload):
    """Width, height and pixels as Pillow reads them; None where it refuses."""
    try:
        picture = Image.open(io.BytesIO(payload))
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16"):
        # Pillow clips these to 255; their high byte is what it takes of other pictures of 16 bits.
        high = picture.tobytes()[1::2] if picture.mode != "I;16B" else picture.tobytes()[::2]
        picture = Image.frombytes("L", picture.size, high)
    under = Image.new("RGBA", picture.size, (*BACKGROUND, 255))
    return picture.size, Image.alpha_composite(under, picture.convert("RGBA")).convert("RGB").tobytes()


class Folder:
    def __init__(self, path):
        self.path, self.seen = path, 0
        path.mkdir(parents=True, exist_ok=True)

    def add(self, name, payload, must=None, code="image-undecodable"):
        """`must`: "read", "refuse" by this code, "unsupported" (read, or refused as such) or "either"; without it what
        Pillow does."""
        found = reference(payload)
        must = must or ("refuse" if found is None else "read")
        if must == "read" and found is None:
            raise SystemExit(f"make: Pillow refuses {name}, which must be read")
        self.seen += 1
        (self.path / name).write_bytes(payload)
        line = {"name": name, "must": must, "code": code}
        if found:
            line["size"] = found[0]
            (self.path / f"{name}.rgb").write_bytes(found[1])
        print(json.dumps(line))


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


SAMPLINGS = {
    "444": [(1, 1)] * 3,
    "422": [(2, 1), (1, 1), (1, 1)],
    "420": [(2, 2), (1, 1), (1, 1)],
    "440": [(1, 2), (1, 1), (1, 1)],
    "411": [(4, 1), (1, 1), (1, 1)],
    "410": [(4, 2), (1, 1), (1, 1)],
    "mixed": [(2, 2), (2, 1), (1, 2)],
    "all2": [(2, 2)] * 3,
    "lessluma": [(1, 1), (2, 2), (2, 2)],
}
TOGETHER, APART, LUMA_FIRST = [[0, 1, 2]], [[0], [1], [2]], [[0], [1, 2]]


def jpeg_layouts(folder):
    """sampling × scans × restart × process, by hand."""
    picture = scene(67, 45).convert("YCbCr")
    for (sampling, sides), (order, parts) in itertools.product(
        SAMPLINGS.items(), [("together", TOGETHER), ("apart", APART), ("lumafirst", LUMA_FIRST), ("backwards", APART[::-1])]
    ):
        planes = None
        for process, restart in itertools.product(["baseline", "extended", "progressive"], [0, 1, 5]):
            if process == "extended" and restart == 5:
                continue
            scans = [(part, 0, 63) for part in parts]
            if process == "progressive":
                scans = [(part, 0, 0) for part in parts] + [([c], 1, 5) for c in range(3)] + [([c], 6, 63) for c in range(3)]
            frame = {"baseline": 0xC0, "extended": 0xC1, "progressive": 0xC2}[process]
            layout = jpeg_parts.Layout(sides, scans, *picture.size, frame, restart, markers=jpeg_parts.JFIF)
            planes = planes or jpeg_parts.planes_of(picture, layout)
            # More than ten blocks a unit are beyond the standard; brightness that is coarser than colours, and two of
            # three colours in one baseline scan, are within it and written by nobody.
            odd = sampling == "lessluma" or (order == "lumafirst" and process != "progressive")
            must = "either" if (sampling, order) == ("all2", "together") else "unsupported" if odd else None
            folder.add(f"{sampling}_{order}_{process}_r{restart}.jpg", jpeg_parts.joined(layout, planes), must)


def jpeg_colours(folder):
    """Which colours the components are: what JFIF, Adobe and their names say."""
    picture = scene(33, 17)
    for (name, markers, ids), sampling in itertools.product(
        [
            ("jfif", jpeg_parts.JFIF, [1, 2, 3]),
            ("jfif_zero", jpeg_parts.JFIF, [0, 1, 2]),
            ("bare", b"", [1, 2, 3]),
            ("bare_zero", b"", [0, 1, 2]),
            ("bare_rgb", b"", [ord(letter) for letter in "RGB"]),
            ("adobe0", jpeg_parts.adobe(0), [1, 2, 3]),
            ("adobe1", jpeg_parts.adobe(1), [1, 2, 3]),
            ("adobe0_rgb", jpeg_parts.adobe(0), [ord(letter) for letter in "RGB"]),
            ("both0", jpeg_parts.JFIF + jpeg_parts.adobe(0), [1, 2, 3]),
        ],
        ["444", "420"],
    ):
        layout = jpeg_parts.Layout(SAMPLINGS[sampling], [([0, 1, 2], 0, 63)], *picture.size, ids=ids, markers=markers)
        folder.add(f"colour_{name}_{sampling}.jpg", jpeg_parts.joined(layout, jpeg_parts.planes_of(picture, layout)))
    grey = scene(33, 17, "L")
    for sides in [(1, 1), (2, 2), (1, 4)]:
        layout = jpeg_parts.Layout([sides], [([0], 0, 63)], *grey.size, ids=[1])
        # A single component is never interleaved, whatever its sampling says.
        alone = jpeg_parts.Layout([(1, 1)], [], *grey.size)
        planes = jpeg_parts.planes_of(grey, alone)
        folder.add(f"grey_{sides[0]}x{sides[1]}.jpg", jpeg_parts.joined(layout, planes))


def jpeg_pillow(folder):
    """What Pillow itself writes."""
    for size in [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (64, 3), (3, 64), (150, 100)]:
        for sampling, progressive in itertools.product([0, 1, 2], [False, True]):
            payload = saved(scene(*size), "JPEG", quality=88, subsampling=sampling, progressive=progressive)
            folder.add(f"pillow_{size[0]}x{size[1]}_s{sampling}_{'p' if progressive else 'b'}.jpg", payload)
    for quality in [1, 30, 100]:
        folder.add(f"pillow_q{quality}.jpg", saved(scene(50, 40), "JPEG", quality=quality))
    folder.add("pillow_optimised.jpg", saved(scene(50, 40), "JPEG", optimize=True))
    folder.add("pillow_grey.jpg", saved(scene(50, 40, "L"), "JPEG"))
    folder.add("pillow_grey_progressive.jpg", saved(scene(50, 40, "L"), "JPEG", progressive=True))
    folder.add("pillow_rgb.jpg", saved(scene(50, 40), "JPEG", keep_rgb=True))
    for options in [{"restart_marker_blocks": 1}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 3}]:
        for progressive in [False, True]:
            name = "_".join(f"{key}{value}" for key, value in options.items())
            payload = saved(scene(70, 50), "JPEG", progressive=progressive, **options)
            folder.add(f"pillow_{name}_{progressive}.jpg", payload)
    folder.add("cmyk.jpg", saved(scene(50, 40, "CMYK"), "JPEG"), "refuse", "image-unsupported")


def jpeg_oddities(folder):
    whole = saved(scene(90, 60), "JPEG", quality=90)
    after_app0 = 2 + 2 + struct.unpack(">H", whole[4:6])[0]
    put = lambda extra: whole[:after_app0] + extra + whole[after_app0:]  # noqa: E731
    folder.add("stray_bytes.jpg", put(b"\0\1\2"))
    folder.add("fill_bytes.jpg", put(b"\xff\xff\xff"))
    folder.add("comment.jpg", put(jpeg_parts.segment(0xFE, b"hello" * 99)))
    folder.add("many_segments.jpg", put(jpeg_parts.segment(0xE5, b"x" * 65_000) * 20))
    folder.add("behind_the_end.jpg", whole + b"something else" * 50)
    folder.add("no_end_marker.jpg", whole[:-2], must="either")
    # Half of the pixels and an end marker: libjpeg paints the rest grey and says so to nobody.
    folder.add("half_and_end_marker.jpg", whole[: len(whole) // 2] + b"\xff\xd9", must="refuse")
    layout = jpeg_parts.Layout(SAMPLINGS["444"], [], 40, 24, 0xC2, markers=jpeg_parts.JFIF)
    planes = jpeg_parts.planes_of(scene(40, 24).convert("YCbCr"), layout)
    layout.scans = [([0, 1, 2], 0, 0)] + [([c], k, k) for k in range(1, 64) for c in range(3)]
    layout.scans += [([c], k, k) for k in range(1, 38) for c in range(3)]
    folder.add("scans_301.jpg", jpeg_parts.joined(layout, planes))
    layout.scans *= 5
    folder.add("scans_1505.jpg", jpeg_parts.joined(layout, planes), "refuse", "image-unsupported")
    layout = jpeg_parts.Layout(SAMPLINGS["420"], [([0], 0, 63)], 40, 24, markers=jpeg_parts.JFIF)
    folder.add("luma_alone.jpg", jpeg_parts.joined(layout, jpeg_parts.planes_of(scene(40, 24), layout)), must="either")
    for tag in range(9):
        exif = Image.Exif()
        exif[0x0112] = tag
        folder.add(f"turned_{tag}.jpg", saved(scene(50, 20), "JPEG", exif=exif))
        folder.add(f"turned_{tag}.png", saved(scene(50, 20), "PNG", exif=exif))
        folder.add(f"turned_{tag}.webp", saved(scene(50, 20), "WEBP", exif=exif, lossless=True))


def samples(width, height, channels, depth, seed=3):
    chance = random.Random(seed)
    most = (1 << depth) - 1
    slope = lambda x, y, c: x * 9 * most // 255 + y * most // (height + c)  # noqa: E731
    noisy = lambda *place: (slope(*place) + chance.randrange(most // 8 + 1)) % (most + 1)  # noqa: E731
    return [[tuple(noisy(x, y, c) for c in range(channels)) for x in range(width)] for y in range(height)]


def pngs(folder):
    """colour type × depth × interlace × size."""
    kinds = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
    kinds += [(4, 8), (4, 16), (6, 8), (6, 16)]
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for (colour, depth), interlaced, size in itertools.product(kinds, [False, True], [(1, 1), (5, 3), (37, 29)]):
        pixels = samples(*size, channels[colour], depth)
        before = b""
        if colour == 3:
            chance = random.Random(4)
            palette = bytes(chance.randrange(256) for _ in range(3 << depth))
            before = png_parts.chunk(b"PLTE", palette)
        name = f"c{colour}_d{depth}_{'adam7' if interlaced else 'rows'}_{size[0]}x{size[1]}"
        payload = png_parts.png(pixels, channels[colour], colour, depth, interlaced=interlaced, before=before)
        folder.add(f"{name}.png", payload)
        if colour == 3:
            clear = png_parts.chunk(b"tRNS", bytes([0, 128, 255, 7][: 1 << depth]))
            payload = png_parts.png(pixels, 1, 3, depth, interlaced=interlaced, before=before + clear, pieces=3)
            folder.add(f"{name}_clear.png", payload)
        if (colour, depth) in [(0, 8), (2, 8)]:
            clear = png_parts.chunk(b"tRNS", struct.pack(f">{channels[colour]}H", *pixels[0][0]))
            payload = png_parts.png(pixels, channels[colour], colour, depth, interlaced=interlaced, before=clear)
            folder.add(f"{name}_clear.png", payload)


def png_oddities(folder):
    pixels = samples(30, 20, 4, 8)
    whole = png_parts.png(pixels, 4, 6, 8)
    folder.add("no_iend.png", whole[:-12])
    folder.add("part_of_iend.png", whole[:-5])
    folder.add("behind_the_end.png", whole + b"something else")
    text = png_parts.chunk(b"tEXt", b"Title\0a picture")
    folder.add("text_and_no_iend.png", png_parts.png(pixels, 4, 6, 8, after=text, end=False))
    folder.add("pieces.png", png_parts.png(pixels, 4, 6, 8, pieces=9))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = png_parts.chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    folder.add("turned_behind.png", png_parts.png(pixels, 4, 6, 8, after=turned))
    frames = [scene(30, 20, seed=seed) for seed in (1, 2)]
    one = png_parts.chunk(b"acTL", struct.pack(">II", 1, 0))
    control = png_parts.chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 30, 20, 0, 0, 1, 10, 0, 0))
    folder.add("one_frame.png", png_parts.png(pixels, 4, 6, 8, before=one + control))
    folder.add("one_frame_pillow.png", saved(frames[0], "PNG", save_all=True))
    moving = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    folder.add("animated.png", moving, "refuse", "image-animated")


def others(folder):
    """WebP, GIF, BMP and TIFF as Pillow writes them."""
    frames = [scene(41, 23, seed=seed) for seed in (1, 2, 3)]
    clear = scene(41, 23, "RGBA")
    clear.putalpha(scene(41, 23, "L", seed=5))
    for name, options in [("lossless", {"lossless": True}), ("q80", {"quality": 80}), ("q10", {"quality": 10})]:
        folder.add(f"{name}.webp", saved(frames[0], "WEBP", **options))
        folder.add(f"{name}_clear.webp", saved(clear, "WEBP", exact=True, **options))
    for name, first in [("animated", frames[0]), ("animated_clear", clear)]:
        payload = saved(first, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
        folder.add(f"{name}.webp", payload)
    palette = frames[0].quantize(64)
    folder.add("plain.gif", saved(palette, "GIF"))
    folder.add("rows.gif", saved(palette, "GIF", interlace=False))
    folder.add("clear.gif", saved(palette, "GIF", transparency=3))
    folder.add("grey.gif", saved(scene(41, 23, "L"), "GIF"))
    folder.add("animated.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=9))
    for mode in ["1", "L", "P", "RGB", "RGBA"]:
        picture = palette if mode == "P" else clear if mode == "RGBA" else scene(41, 23, mode)
        folder.add(f"{mode}.bmp", saved(picture, "BMP"))
        for compression in ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]:
            must = "unsupported" if mode == "P" else None
            folder.add(f"{mode}_{compression}.tiff", saved(picture, "TIFF", compression=compression), must)
    folder.add("grey_alpha.tiff", saved(clear.convert("LA"), "TIFF"))
    deep = Image.frombytes("I;16", (41, 23), bytes((7 * at) % 256 for at in range(41 * 23 * 2)))
    folder.add("deep.tiff", saved(deep, "TIFF"))
    folder.add("turned.tiff", saved(frames[0], "TIFF", tiffinfo={274: 6}))
    folder.add("within.tiff", saved(frames[0], "TIFF", compression="jpeg"), "refuse", "image-unsupported")
    folder.add("pages.tiff", saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))


def cut(folder):
    """Each tenth of pictures of every kind. Pillow decides, but for formats whose rest it takes for granted."""
    photo = Image.open(FIXTURES / "rocket.jpg").resize((160, 106))
    apart = jpeg_parts.Layout(SAMPLINGS["420"], [(part, 0, 63) for part in APART], 67, 45, markers=jpeg_parts.JFIF)
    wholes = {
        "baseline.jpg": saved(photo, "JPEG"),
        "progressive.jpg": saved(photo, "JPEG", progressive=True),
        "restart.jpg": saved(photo, "JPEG", restart_marker_rows=1),
        "grey.jpg": saved(photo.convert("L"), "JPEG"),
        "apart.jpg": jpeg_parts.joined(apart, jpeg_parts.planes_of(scene(67, 45).convert("YCbCr"), apart)),
        "rows.png": saved(photo, "PNG"),
        "adam7.png": png_parts.png(samples(37, 29, 3, 8), 3, 2, 8, interlaced=True),
        "lossy.webp": saved(photo, "WEBP"),
        "lossless.webp": saved(photo, "WEBP", lossless=True),
        "one.gif": saved(photo.quantize(32), "GIF"),
        "one.bmp": saved(photo, "BMP"),
        "lzw.tiff": saved(photo, "TIFF", compression="tiff_lzw"),
        "raw.tiff": saved(photo, "TIFF"),
    }
    for name, whole in wholes.items():
        for tenth in range(10):
            folder.add(f"cut{tenth}_{name}", whole[: len(whole) * tenth // 10], must="refuse")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = Folder(parser.parse_args().folder)
    # What is cut off warns before it is refused.
    warnings.simplefilter("ignore")
    for part in [jpeg_layouts, jpeg_colours, jpeg_pillow, jpeg_oddities, pngs, png_oddities, others, cut]:
        part(folder)
    print(f"make: {folder.seen} pictures", file=sys.stderr)


if __name__ == "__main__":
    main()
