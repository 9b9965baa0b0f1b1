"""Published suites of attacks, and ours, as names that `attack` takes.

raw-bench-strict, raw-bench-loose: Ozer et al., RAW-Bench (2505.19663), the ranges of its two settings; where a range
is given, values are drawn from it. audiomarkbench: Liu et al., AudioMarkBench (2406.06979), the no-box perturbations.
Their background noise is recorded; ours is made up.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..core.errors import UsageError

_DRAWS = 3

# Name, then the ranges of its settings; several lines of a name are alternatives.
_Range = tuple[float, float]
_STRICT: tuple[tuple[str, tuple[_Range, ...]], ...] = (
    ("noise-background", ((20, 35),)),
    ("noise-white", ((20, 40),)),
    ("room", ((0.1, 0.5), (0, 6))),
    ("compressor", ((-36, -18),)),
    ("expander", ((-16, -12),)),
    ("limiter", ((-36, -18),)),
    ("eq", ((0.375, 0.75),)),
    ("highpass", ((250, 500),)),
    ("lowpass", ((3500, 6000),)),
    ("gain", ((0.2, 0.5),)),
    ("gain", ((1.5, 5),)),
    ("bits", ((12, 16),)),
    ("jitter", ((0.01, 0.2),)),
    ("stretch", ((0.75, 0.95),)),
    ("stretch", ((1.05, 1.25),)),
    ("phase", ((-180, 180),)),
)
_STRICT_FIXED = (
    *("polarity", "aac:64", "mp3:64", "vorbis:48"),
    *("dac:6.029", "dac:6.891", "dac:7.752", "encodec:12", "encodec:24"),
)
_LOOSE: tuple[tuple[str, tuple[_Range, ...]], ...] = (
    ("noise-background", ((35, 60),)),
    ("noise-white", ((35, 60),)),
    ("room", ((0.1, 0.5), (6, 12))),
    ("highpass", ((10, 250),)),
    ("lowpass", ((6000, 8000),)),
    ("stretch", ((0.95, 1.05),)),
)
_LOOSE_FIXED = ("aac:96", "mp3:128", "vorbis:64", "vorbis:72", "dac:7.752", "encodec:24")
_AUDIOMARKBENCH = (
    *(f"stretch:{x}" for x in (0.7, 0.9, 1.1, 1.3, 1.5)),
    *(f"noise-white:{x}" for x in (40, 30, 20, 10, 5)),
    *(f"noise-background:{x}" for x in (40, 30, 20, 10, 5)),
    *(f"soundstream:{x}" for x in (2, 3, 4, 6, 8)),
    *(f"opus:{x}" for x in (6, 16, 32, 64)),
    *(f"encodec:{x:g}" for x in (1.5, 3, 6, 12, 24)),
    *(f"mp3:{x}" for x in (16, 24, 32, 48)),
    *("bits:4", "bits:6", "bits:8", "highpass:500", "highpass:1500", "lowpass:2000", "lowpass:4000"),
    *("smooth:6", "smooth:14", "smooth:22", "echo:0.3", "echo:0.5", "echo:0.9"),
)
_OURS = (
    *(
        "mp3:128",
        "mp3:64",
        "mp3:32",
        "mp3:16",
        "aac:64",
        "aac:48",
        "aac:24",
        "opus:32",
        "opus:16",
        "opus:8",
        "opus:6",
    ),
    *("vorbis:48", "amr-nb:12.2", "amr-nb:4.75", "mulaw", "alaw", "g722", "gsm"),
    *("mp3:64,opus:16", "aac:48,mp3:64", "opus:16,amr-nb:12.2"),
    *(
        "gain:0.2",
        "gain:5",
        "polarity",
        "bits:8",
        "bits:12",
        "compressor:-36",
        "limiter:-36",
        "expander:-14",
        "clip:6",
    ),
    *("lowpass:3500", "highpass:500", "bandpass", "eq:6", "hum:10", "smooth:6", "phase:90"),
    *("noise-white:20", "noise-white:10", "noise-white:5", "noise-pink:20", "noise-pink:10", "noise-pink:5"),
    *("babble:10", "babble:0", "music:10", "room:0.3", "room:0.8", "rerecord", "echo:0.5", "packet-loss:10"),
    *("resample:8000", "resample:11025", "resample:22050", "resample:44100"),
    *("crop:20", "crop:10", "crop:5", "crop:3", "crop:1", "samples-dropped:1", "jitter:0.1", "wander:0.3"),
    *("cut", "splice:2", "insert:1", "zeros:10", "reverse"),
    *(f"speed:{x:g}" for x in (0.8, 0.9, 0.95, 0.97, 0.99, 1.01, 1.03, 1.05, 1.1, 1.25)),
    *(f"stretch:{x:g}" for x in (0.8, 0.9, 0.95, 0.97, 0.99, 1.01, 1.03, 1.05, 1.1, 1.25)),
    *("stretch-vocoder:0.9", "stretch-vocoder:1.1"),
    *(f"pitch:{x:+g}" for x in (-2, -1, -0.5, 0.5, 1, 2)),
    *("tile-gains:2", "tile-gains:4", "smooth-bands:0.1", "denoise", "noise-white:10,denoise"),
    *("soundstream:3", "streamcodec:2", "vocos", "encodec:6", "encodec:1.5", "dac", "lyra:9.2", "lyra:6", "lyra:3.2"),
    "lyra:3.2,lyra:3.2",
)
_DRAWN = {"raw-bench-strict": (_STRICT, _STRICT_FIXED), "raw-bench-loose": (_LOOSE, _LOOSE_FIXED)}
_LISTED = {"audiomarkbench": _AUDIOMARKBENCH, "earwitness": _OURS}


@cache
def suite(name: str, seed: int = 0, draws: int = _DRAWS) -> tuple[str, ...]:
    """The attacks of a suite; from each range `draws` values are drawn. Raises UsageError for an unknown suite."""
    if name in _LISTED:
        return _LISTED[name]
    if name not in _DRAWN:
        raise UsageError(f"There is no suite {name!r}; known: {', '.join([*_DRAWN, *_LISTED])}.")
    ranges, fixed = _DRAWN[name]
    rng = np.random.default_rng(seed)
    found = []
    for attack, settings in ranges:
        for _ in range(draws):
            values = [rng.uniform(low, high) for low, high in settings]
            found.append(f"{attack}:{'@'.join(f'{value:.4g}' for value in values)}")
    return (*found, *fixed)


SUITES: dict[str, tuple[str, ...]] = {name: suite(name) for name in (*_DRAWN, *_LISTED)}
"""Every suite with seed 0."""
