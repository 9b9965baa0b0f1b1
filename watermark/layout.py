"""The grid that a mark lives on: constants of the scheme, one version for all of them."""

from __future__ import annotations

VERSION = "earwitness-patchwork-1"
# The mark is computed at this rate (Hz) whatever the file has; what lies above 8 kHz is left as it is.
RATE = 16000
# 16 ms windows: longer ones smear the mark in front of onsets, which listeners and PESQ notice.
WINDOW = 256
HOP = 64
# A tile is one mel band for one block. 24 ms by 20 bands was chosen on training speakers: shorter blocks are lost in
# neural codecs, longer ones carry fewer chips.
CHIP_HOPS = 6
BANDS = 20
LOW_HZ, HIGH_HZ = 600.0, 7200.0
BLOCK_SECONDS = CHIP_HOPS * HOP / RATE
# The pilot's period in blocks: 15.36 s.
PERIOD = 640
# How the tiles of a period are shared out. Pilot chips tell key and phase, line chips which period it is, the rest
# carries the record's handle.
PILOT_SHARE, LINE_SHARE = 0.42, 0.08
# A handle of 32 bits and a check of 4 travel as three symbols of 12 bits; each value of a symbol has its own chips.
SYMBOLS, SYMBOL_BITS, CHECK_BITS = 3, 12, 4
ALPHABET = 1 << SYMBOL_BITS
# The highest period number that verification looks for: 1024 periods are 4.4 hours.
PERIODS = 1024
# Frame t of the short-time transform starts this many samples before sample t * HOP.
LEAD = WINDOW - HOP
