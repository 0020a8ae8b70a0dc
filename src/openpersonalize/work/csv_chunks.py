"""A file's bytes in chunks that end at a line end, so that each can be parsed by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from openpersonalize.errors import JobError

CHUNK_BYTES = 8 << 20
LONGEST_LINE_BYTES = 32 << 20


@dataclass(frozen=True)
class Chunk:
    """Whole lines, the last one ended too; `first_line` is the 1-based number of the first in its file."""

    lines: bytes
    first_line: int
    n_lines: int


def read_chunks(stream: BinaryIO, file: str, *, first_line: int, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Cut what is left of a stream into chunks of about `size` bytes; raise `JobError` for a huge line."""
    rest = b""
    while block := stream.read(size):
        end = block.rfind(b"\n") + 1
        if not end:
            rest += block
            if len(rest) > LONGEST_LINE_BYTES:
                raise JobError(
                    f"{file}, line {first_line}: the line is longer than {LONGEST_LINE_BYTES} bytes. "
                    "End each record with a line break."
                )
            continue
        chunk = _chunk(b"".join((rest, memoryview(block)[:end])), first_line)
        rest = block[end:]
        first_line += chunk.n_lines
        yield chunk
    if rest:
        yield _chunk(rest + b"\n", first_line)


def _chunk(lines: bytes, first_line: int) -> Chunk:
    return Chunk(lines, first_line, count_byte(lines, b"\n"))


def count_byte(content: bytes, byte: bytes) -> int:
    """Count a byte, several times as fast as `bytes.count` where it is frequent."""
    return int(np.count_nonzero(np.frombuffer(content, np.uint8) == byte[0]))
