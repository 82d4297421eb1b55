"""PNGs of every colour type, depth and filter, interlaced or not: Pillow writes few of them."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The passes of Adam7 (W3C PNG §8.2): first column, first row, step across, step down.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def row_bytes(row, depth):
    """A row of samples, packed."""
    if depth == 16:
        return struct.pack(f">{len(row)}H", *row)
    if depth == 8:
        return bytes(row)
    bits = "".join(format(sample, f"0{depth}b") for sample in row)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def filtered(rows, step):
    """Each row by another of the five filters (W3C PNG §9)."""
    out, above = [], bytes(len(rows[0])) if rows else b""
    for y, row in enumerate(rows):
        kind, line = y % 5, bytearray()
        for x, byte in enumerate(row):
            left, up = row[x - step] if x >= step else 0, above[x]
            corner = above[x - step] if x >= step else 0
            guess = left + up - corner
            near = min((left, up, corner), key=lambda one: abs(guess - one))
            line.append((byte - (0, left, up, (left + up) // 2, near)[kind]) % 256)
        out.append(bytes([kind]) + bytes(line))
        above = row
    return b"".join(out)


def png(samples, channels, colour, depth, *, interlaced=False, before=b"", after=b"", end=True, pieces=1):
    """`samples[y][x]` is a tuple of `channels` numbers."""
    height, width = len(samples), len(samples[0])
    step = max(1, channels * depth // 8)
    parts = []
    for first_x, first_y, step_x, step_y in PASSES if interlaced else [(0, 0, 1, 1)]:
        chosen = [row[first_x::step_x] for row in samples[first_y::step_y]]
        if chosen and chosen[0]:
            rows = [row_bytes([sample for pixel in row for sample in pixel], depth) for row in chosen]
            parts.append(filtered(rows, step))
    data = zlib.compress(b"".join(parts), 6)
    size = -(-len(data) // pieces)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    pixels = b"".join(chunk(b"IDAT", data[at : at + size]) for at in range(0, len(data), size))
    return SIGNATURE + chunk(b"IHDR", header) + before + pixels + after + (chunk(b"IEND", b"") if end else b"")
