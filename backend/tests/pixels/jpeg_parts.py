"""JPEGs of any sampling and scan layout, from the blocks of greyscale JPEGs that Pillow writes.

Pillow writes one scan, or libjpeg's own progressive script, and three samplings. Here the components' blocks are taken out
of one greyscale JPEG each (ITU-T T.81, Annex F) and put together anew.
"""

import io
import struct
from dataclasses import dataclass, field

from PIL import Image

ZERO_RUN, END_OF_BLOCK = 0xF0, 0x00


def segments(jpeg):
    """(marker, content) up to the scan, then the scan's bytes."""
    at = 2
    while True:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        yield marker, jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            yield None, jpeg[at:-2].replace(b"\xff\x00", b"\xff")
            return


class Huffman:
    """One table as its segment tells it."""

    def __init__(self, content):
        counts, symbols = content[1:17], content[17:]
        self.codes, self.symbols, code, at = {}, {}, 0, 0
        for length, count in enumerate(counts, 1):
            for _ in range(count):
                bits = format(code, f"0{length}b")
                self.codes[symbols[at]], self.symbols[bits] = bits, symbols[at]
                code, at = code + 1, at + 1
            code <<= 1


def tables(content):
    """A DHT segment may hold several."""
    at = 0
    while at < len(content):
        size = 17 + sum(content[at + 1 : at + 17])
        yield content[at : at + size]
        at += size


class Bits:
    def __init__(self, data):
        self.bits, self.at = "".join(format(byte, "08b") for byte in data), 0

    def symbol(self, table):
        end = self.at + 1
        while (found := table.symbols.get(self.bits[self.at : end])) is None:
            end += 1
        self.at = end
        return found

    def number(self, size):
        bits = self.bits[self.at : self.at + size]
        self.at += size
        if not size:
            return 0
        return int(bits, 2) if bits[0] == "1" else int(bits, 2) - (1 << size) + 1


def number(value):
    """The size of a number and its bits."""
    size = abs(value).bit_length()
    return size, format(value if value > 0 else value + (1 << size) - 1, f"0{size}b") if size else ""


@dataclass
class Plane:
    """A component's quantised blocks, row by row."""

    rows: list
    quant: bytes
    huffman: list
    quality: int


def plane(picture, quality=85):
    """The blocks of a greyscale picture whose sides are multiples of 8."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    quant, found = b"", {}
    for marker, content in segments(file.getvalue()):
        if marker == 0xDB:
            quant = content[1:65]
        elif marker == 0xC4:
            found.update({table[0]: table for table in tables(content)})
        elif marker is None:
            data = content
    dc, ac, bits, before = Huffman(found[0x00]), Huffman(found[0x10]), Bits(data), 0
    rows = []
    for _ in range(picture.height // 8):
        row = []
        for _ in range(picture.width // 8):
            block = [0] * 64
            before += bits.number(bits.symbol(dc))
            block[0], k = before, 1
            while k < 64:
                symbol = bits.symbol(ac)
                if symbol == END_OF_BLOCK:
                    break
                k += symbol >> 4
                if symbol != ZERO_RUN:
                    block[k] = bits.number(symbol & 15)
                k += 1
            row.append(block)
        rows.append(row)
    return Plane(rows, quant, [found[0x00], found[0x10]], quality)


@dataclass
class Layout:
    """How the components are written. `scans` names each scan's components and its first and last coefficient."""

    sampling: list
    scans: list
    width: int
    height: int
    frame: int = 0xC0
    restart: int = 0
    ids: list = field(default_factory=lambda: [1, 2, 3])
    markers: bytes = b""


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def grid(layout, component):
    """(blocks across, down) of a component alone, and in whole interleaved units."""
    most = [max(side) for side in zip(*layout.sampling)]
    across, down = layout.sampling[component]
    whole = lambda size, factor, most: -(-(-(-size * factor // most)) // 8)  # noqa: E731
    units = lambda size, most: -(-size // (8 * most))  # noqa: E731
    alone = whole(layout.width, across, most[0]), whole(layout.height, down, most[1])
    return alone, (units(layout.width, most[0]) * across, units(layout.height, most[1]) * down)


def units(layout, components):
    """The blocks of each unit of a scan: (component, row, column)."""
    if len(components) == 1:
        across, down = grid(layout, components[0])[0]
        return [[(components[0], y, x)] for y in range(down) for x in range(across)]
    (across, down) = layout.sampling[components[0]]
    wide, high = grid(layout, components[0])[1]
    inner = [(c, y, x) for c in components for y in range(layout.sampling[c][1]) for x in range(layout.sampling[c][0])]
    return [
        [(c, v * layout.sampling[c][1] + y, u * layout.sampling[c][0] + x) for c, y, x in inner]
        for v in range(high // down)
        for u in range(wide // across)
    ]


def scan(layout, planes, components, first, last, dc, ac):
    """One scan's entropy-coded bytes; no successive approximation."""
    out, pieces, before = [], [], [0] * len(planes)
    for at, unit in enumerate(units(layout, components)):
        if layout.restart and at and at % layout.restart == 0:
            out += [packed(pieces), bytes([0xFF, 0xD0 + (at // layout.restart - 1) % 8])]
            pieces, before = [], [0] * len(planes)
        for component, y, x in unit:
            block = planes[component].rows[y][x]
            if first == 0:
                size, bits = number(block[0] - before[component])
                before[component] = block[0]
                pieces += [dc.codes[size], bits]
            zeros = 0
            for k in range(max(first, 1), last + 1):
                if block[k] == 0:
                    zeros += 1
                    continue
                pieces += [ac.codes[ZERO_RUN]] * (zeros // 16)
                size, bits = number(block[k])
                pieces += [ac.codes[(zeros % 16) << 4 | size], bits]
                zeros = 0
            if zeros:
                pieces.append(ac.codes[END_OF_BLOCK])
    return b"".join([*out, packed(pieces)])


def packed(pieces):
    bits = "".join(pieces)
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")


def joined(layout, planes):
    """The whole file."""
    dc_table, ac_table = planes[0].huffman
    dc, ac = Huffman(dc_table), Huffman(ac_table)
    parts = [b"\xff\xd8", layout.markers, segment(0xDB, b"\0" + planes[0].quant)]
    parts.append(segment(0xC4, dc_table + ac_table))
    frame = struct.pack(">BHHB", 8, layout.height, layout.width, len(planes))
    for id, (across, down) in zip(layout.ids, layout.sampling):
        frame += bytes([id, across << 4 | down, 0])
    parts.append(segment(layout.frame, frame))
    if layout.restart:
        parts.append(segment(0xDD, struct.pack(">H", layout.restart)))
    for components, first, last in layout.scans:
        names = b"".join(bytes([layout.ids[component], 0]) for component in components)
        parts.append(segment(0xDA, bytes([len(components)]) + names + bytes([first, last, 0])))
        parts.append(scan(layout, planes, components, first, last, dc, ac))
    return b"".join([*parts, b"\xff\xd9"])


def planes_of(picture, layout):
    """The picture's components (as they are: no colour is converted), each in its own size and padded to whole units."""
    found = []
    for component, channel in enumerate(picture.split()):
        across, down = grid(layout, component)[1]
        found.append(plane(channel.resize((across * 8, down * 8), Image.BILINEAR)))
    return found
