"""From a key to chips of +1 and -1: a pseudo-random function of key, role and place."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from .handle import symbols_of
from .key import Key
from .layout import BANDS, LINE_SHARE, PERIOD, PERIODS, PILOT_SHARE, SYMBOLS

Chips = NDArray[np.int8]
# Roles of a tile; 2 + i carries symbol i.
PILOT, LINE, FIRST_SYMBOL = 0, 1, 2
_TILES = BANDS * PERIOD
# Bytes of key stream for a grid: whole blocks of the cipher.
_ROW = -(-_TILES // 128) * 16
# Periods that a stretch may run on beyond the last number that is looked for.
SPARE = 16


class ChipSource:
    """Every chip of one key. The pseudo-random function is AES-256 in counter mode under a key of its own.

    roles: int8 (BANDS, PERIOD), the same in each period. pilot: int8 (BANDS, PERIOD), +-1 where the role is PILOT,
    0 elsewhere.
    """

    def __init__(self, key: Key) -> None:
        self._secret = key.derive("watermark chips")
        order = np.argsort(np.frombuffer(self._stream("roles", 0, 8 * _TILES), ">u8"), kind="stable")
        pilots, lines = round(PILOT_SHARE * _TILES), round(LINE_SHARE * _TILES)
        roles = np.empty(_TILES, np.int8)
        roles[order[:pilots]] = PILOT
        roles[order[pilots : pilots + lines]] = LINE
        rest = order[pilots + lines :]
        roles[rest] = FIRST_SYMBOL + np.arange(len(rest)) % SYMBOLS
        self.roles = roles.reshape(BANDS, PERIOD)
        self.pilot = self._grid("pilot", 0) * (self.roles == PILOT)
        self.line_places = np.flatnonzero(roles == LINE)
        self._lines: Chips | None = None
        self.places = [np.flatnonzero(roles == FIRST_SYMBOL + index) for index in range(SYMBOLS)]

    def line(self, period: int) -> Chips:
        """Chips (BANDS, PERIOD) of a period number: sent as they are by LINE tiles, a factor of the symbol tiles."""
        return self._grid("line", period)

    def lines(self) -> Chips:
        """Chips (PERIODS + SPARE, line tiles) of all period numbers at `line_places`; made once, 1 MB."""
        if self._lines is None:
            count = PERIODS + SPARE
            raw = np.frombuffer(self._stream("line", 0, count * _ROW), np.uint8).reshape(count, _ROW)
            bits = np.unpackbits(raw, axis=1, count=_TILES)[:, self.line_places]
            self._lines = bits.astype(np.int8) * np.int8(2) - np.int8(1)
        return self._lines

    def book(self, symbol: int, first: int, count: int) -> Chips:
        """Chips (count, tiles) of the values first .. first + count - 1 of a symbol, at `places[symbol]`."""
        width = len(self.places[symbol])
        row = -(-width // 128) * 16
        raw = self._stream(f"symbol {symbol}", first * row, count * row)
        bits = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(count, row), axis=1)[:, :width]
        return bits.astype(np.int8) * np.int8(2) - np.int8(1)

    def start(self, handle: int) -> int:
        """The block of the time line (1 .. PERIOD - 1) that a marked file begins with: no two files line up."""
        return 1 + int.from_bytes(self._stream(f"start {handle}", 0, 16)[:8], "big") % (PERIOD - 1)

    def periods(self, handle: int) -> RecordChips:
        return RecordChips(self, handle)

    def _grid(self, purpose: str, index: int) -> Chips:
        raw = np.frombuffer(self._stream(purpose, index * _ROW, _ROW), np.uint8)
        bits = np.unpackbits(raw, count=_TILES)
        return (bits.astype(np.int8) * np.int8(2) - np.int8(1)).reshape(BANDS, PERIOD)

    def _stream(self, purpose: str, start: int, length: int) -> bytes:
        """`length` bytes of a purpose's key stream from byte `start`, a multiple of 16."""
        nonce = hashlib.sha256(purpose.encode()).digest()[:8] + (start // 16).to_bytes(8, "big")
        return Cipher(algorithms.AES(self._secret), modes.CTR(nonce)).encryptor().update(bytes(length))


class RecordChips:
    """The chips that a record's mark consists of."""

    def __init__(self, source: ChipSource, handle: int) -> None:
        self._source = source
        symbols = np.zeros(_TILES, np.int8)
        for index, value in enumerate(symbols_of(np.uint32(handle))):
            symbols[source.places[index]] = source.book(index, int(value), 1)[0]
        self._symbols = symbols.reshape(BANDS, PERIOD)
        self._of = lru_cache(maxsize=4)(self._compose)

    def of(self, period: int) -> Chips:
        """Chips (BANDS, PERIOD) of one period, counted from 0 at the record's first."""
        return self._of(period)

    def _compose(self, period: int) -> Chips:
        source, line = self._source, self._source.line(period)
        composed: Chips = np.where(source.roles == LINE, line, source.pilot) + line * self._symbols
        return composed

    def blocks(self, first: int, count: int) -> Chips:
        """Chips (BANDS, count) from block `first` of the time line."""
        parts = []
        while count > 0:
            period, place = divmod(first, PERIOD)
            take = min(count, PERIOD - place)
            parts.append(self.of(period)[:, place : place + take])
            first, count = first + take, count - take
        return np.concatenate(parts, axis=1) if parts else np.zeros((BANDS, 0), np.int8)
