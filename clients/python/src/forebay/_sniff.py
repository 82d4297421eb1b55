"""What bytes are, by how they begin."""

from __future__ import annotations

# Where, what stands there, and what it then is; of several the first. RIFF and FORM say more further on.
_MAGIC: tuple[tuple[tuple[tuple[int, bytes], ...], str], ...] = (
    (((0, b"\x89PNG\r\n\x1a\n"),), "image/png"),
    (((0, b"\xff\xd8\xff"),), "image/jpeg"),
    (((0, b"GIF87a"),), "image/gif"),
    (((0, b"GIF89a"),), "image/gif"),
    (((0, b"RIFF"), (8, b"WEBP")), "image/webp"),
    (((0, b"RIFF"), (8, b"WAVE")), "audio/wav"),
    (((0, b"II*\0"),), "image/tiff"),
    (((0, b"MM\0*"),), "image/tiff"),
    (((0, b"fLaC"),), "audio/flac"),
    (((0, b"OggS"),), "audio/ogg"),
    (((0, b"ID3"),), "audio/mpeg"),
    # Its header's four reserved bytes are nought, and a text may begin with «BM».
    (((0, b"BM"), (6, b"\0\0\0\0")), "image/bmp"),
)
# An MPEG frame: eleven bits set, then a version, layer III and a bit rate that exist.
_MPEG_VERSIONS, _LAYER_3 = (0, 2, 3), 1


def media_type(content: bytes) -> str | None:
    """The media type of a picture or sound; None for what is neither."""
    for signs, kind in _MAGIC:
        if all(content[at : at + len(sign)] == sign for at, sign in signs):
            return kind
    return "audio/mpeg" if _is_mpeg(content) else None


def _is_mpeg(content: bytes) -> bool:
    if len(content) < 4 or content[0] != 0xFF or content[1] & 0xE0 != 0xE0:
        return False
    version, layer, rate = content[1] >> 3 & 3, content[1] >> 1 & 3, content[2] >> 4
    return version in _MPEG_VERSIONS and layer == _LAYER_3 and rate != 0xF
