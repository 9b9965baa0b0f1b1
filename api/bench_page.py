"""The bench as one HTML page: table, rate-quality plots, spectrograms and players, everything inside the file."""

from __future__ import annotations

import base64
import struct
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..codecs import zoo
from ..core import spectral
from ..core.audio import Audio, load, save
from ..core.errors import EarwitnessError
from ..core.text import printable
from .bench import RATE, Bench, Point

_SECONDS = 4.0
_SPECTRUM = (512, 160)  # samples: window and hop
_COLOURS = (
    *("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2"),
    *("#17becf", "#7f7f7f", "#bcbd22", "#00429d", "#000000"),
)
# Codecs beyond the last colour take the colours again with the next of these.
_DASHES = ("none", "6 3", "2 3")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .6rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left;white-space:nowrap}"
    "figure{display:inline-block;margin:.5rem 1rem .5rem 0;max-width:100%}img{display:block;width:22rem;height:8rem}"
    "svg,img,audio{max-width:100%}svg{height:auto}.wide{overflow-x:auto}"
)
_COLUMNS = (
    ("measured_kbps", "kbit/s", 2),
    ("files", "files", 0),
    ("failed", "failed", 0),
    ("pesq", "PESQ", 2),
    ("stoi", "STOI", 3),
    ("mel", "mel", 2),
    ("si_sdr", "SI-SDR dB", 1),
    ("f0_correlation", "F0 r", 2),
    ("energy_correlation", "energy r", 2),
    ("speaker", "speaker", 2),
    ("word_error_rate", "WER", 2),
    ("cpu_seconds_per_hour", "CPU s/h", 1),
    ("opus_kbps", "Opus at equal PESQ", 1),
    ("saved_mb_per_hour", "MB/h saved", 2),
    ("saved_mb_per_cpu_second", "MB/CPU s", 3),
)
HEADER = ("codec", *(title for _, title, _ in _COLUMNS))


def cells(point: Point) -> tuple[str, ...]:
    """One row of the table, under HEADER."""
    name = f"{point.codec} @ {point.kbps:g}" if point.kbps else point.codec
    values = ((getattr(point, field), digits) for field, _, digits in _COLUMNS)
    return (name, *("-" if value is None else f"{value:.{digits}f}" for value, digits in values))


def page(bench: Bench) -> str:
    """The whole page."""
    files = len({clip.path for clip in bench.clips})
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Codec bench</title><style>{_STYLE}</style>",
        f"<h1>Codec bench</h1><p>{files} files, {len(bench.failures)} left out. Means; '-' could not be "
        "measured. Saved: against Opus at equal PESQ.</p><div class=wide><table><tr>",
        *(f"<th>{escape(title)}</th>" for title in HEADER),
        "</tr>",
        *("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(point)) + "</tr>" for point in bench.points),
        "</table></div><h2>Rate and quality</h2>",
        *(_plot(bench.points, field, title) for field, title in (("pesq", "PESQ-WB"), ("stoi", "STOI"))),
        _plot(bench.points, "mel", "mel distance (lower is better)"),
        _listen(bench),
    ]
    if bench.failures:
        parts.append("<h2>Left out</h2><ul>")
        parts += [f"<li>{_text(failed.path)}: {_text(failed.error)}</li>" for failed in bench.failures]
        parts.append("</ul>")
    return "".join(parts)


def _text(text: str) -> str:
    return escape(printable(text))


def _plot(points: Sequence[Point], field: str, title: str) -> str:
    """SVG lines over the logarithm of the bitrate, one for each codec; what has no bitrate stands on the right."""
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        value = getattr(point, field)
        if value is not None:
            lines[point.codec].append((point.measured_kbps or 0.0, value))
    rates = [rate for line in lines.values() for rate, _ in line if rate > 0] or [1.0]
    values = [value for line in lines.values() for _, value in line] or [0.0]
    first, last = np.log(min(rates)), np.log(max(rates) * 1.01)
    high = max(320, 40 + 14 * len(lines))
    floor, ceiling = min(values), max(values) + 1e-6

    def place(rate: float, value: float) -> tuple[float, float]:
        x = 50 + 350 * (np.log(rate) - first) / max(last - first, 1e-9) if rate > 0 else 440.0
        return float(x), 280 - 250 * (value - floor) / (ceiling - floor)

    parts = [
        f"<figure><figcaption>{escape(title)}</figcaption><svg width=640 height={high} viewBox='0 0 640 {high}'>"
    ]
    parts.append("<path d='M50 20V280H440' fill=none stroke='#999'/>")
    for value in np.linspace(floor, ceiling, 5):
        y = place(0, float(value))[1]
        parts.append(f"<text x=45 y={y:.0f} font-size=11 text-anchor=end>{value:.2f}</text>")
    for rate in np.geomspace(np.exp(first), np.exp(last), 5):
        x = place(float(rate), floor)[0]
        parts.append(f"<text x={x:.0f} y=296 font-size=11 text-anchor=middle>{rate:.1f}</text>")
    parts.append("<text x=225 y=314 font-size=11 text-anchor=middle>kbit/s</text>")
    if any(rate == 0 for line in lines.values() for rate, _ in line):
        parts.append("<text x=440 y=296 font-size=11 text-anchor=middle>none</text>")
    for index, (codec, line) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        dashes = _DASHES[index // len(_COLOURS) % len(_DASHES)]
        spots = [place(rate, value) for rate, value in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        stroke = f"stroke='{colour}' stroke-dasharray='{dashes}'"
        parts.append(f"<polyline points='{path}' fill=none {stroke} stroke-width=1.5 />")
        parts += [f"<circle cx={x:.1f} cy={y:.1f} r=3 fill='{colour}'/>" for x, y in spots]
        y = 30 + 14 * index
        parts.append(f"<path d='M456 {y - 4}H480' {stroke} stroke-width=1.5 />")
        parts.append(f"<text x=486 y={y} font-size=11>{escape(codec)}</text>")
    return "".join([*parts, "</svg></figure>"])


def _listen(bench: Bench) -> str:
    """The start of the first file, and what each codec makes of it at its lowest and highest bitrate."""
    if not bench.clips:
        return ""
    first = bench.clips[0].path
    try:
        whole = load(first, rate=RATE).mono()
    except EarwitnessError:
        return ""
    original = Audio(np.ascontiguousarray(whole.samples[:, : round(_SECONDS * RATE)]), RATE)
    loudest = float(np.abs(spectral.stft(original.samples[0], *_SPECTRUM)).max())
    parts = [f"<h2>Listen: {_text(Path(first).name)}</h2>", _figure("original", original, loudest)]
    rates: dict[str, list[float]] = defaultdict(list)
    for point in bench.points:
        rates[point.codec].append(point.kbps)
    for codec, offered in rates.items():
        for kbps in sorted({min(offered), max(offered)}):
            try:
                heard = zoo.open(codec).resynth(original, kbps or None)
            except EarwitnessError:
                continue
            parts.append(_figure(f"{codec} @ {kbps:g} kbit/s" if kbps else codec, heard, loudest))
    return "".join(parts)


def _figure(title: str, audio: Audio, loudest: float) -> str:
    with tempfile.TemporaryDirectory(prefix="earwitness-") as folder:
        file = Path(folder) / "clip.flac"
        save(file, Audio(np.clip(audio.samples, -1, 1), audio.rate))
        sound = base64.b64encode(file.read_bytes()).decode()
    image = base64.b64encode(_spectrogram(audio.samples[0], loudest)).decode()
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><img alt='spectrogram' src='data:image/png;base64,{image}'>"
        f"<audio controls preload=none src='data:audio/flac;base64,{sound}'></audio></figure>"
    )


def _spectrogram(wave: NDArray[np.float32], loudest: float) -> bytes:
    """PNG of the level from that of the magnitude `loudest` down by 80 dB, dark is loud, 8 kHz on top."""
    level = 20 * np.log10(np.abs(spectral.stft(wave, *_SPECTRUM))[::-1] / max(loudest, 1e-6) + 1e-8)
    return png(np.round(255 * np.clip(-level / 80, 0, 1)).astype(np.uint8))


def png(grey: NDArray[np.uint8]) -> bytes:
    """A grey picture (height, width) as PNG (ISO/IEC 15948: header, one deflated chunk without filters, end)."""
    height, width = grey.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.pad(grey, ((0, 0), (1, 0))).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
