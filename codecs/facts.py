"""What is known of the published systems behind our networks, as data: paper, place in the taxonomy, figures.

The taxonomy is CodecFake+'s (Chen et al. 2025): how latents are quantised (MVQ several codebooks, SVQ one, SQ
scalar), what else shapes the codes (none, sem for semantic teachers, dis for disentangled factors), and whether the
decoder speaks in time (T) or frequency (F). What has no codes has no place in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QUANTISERS, AUXILIARIES, DECODERS = ("MVQ", "SVQ", "SQ"), ("none", "sem", "dis"), ("T", "F")


@dataclass(frozen=True)
class Facts:
    """One published system.

    quantiser: one of QUANTISERS, two joined by "+" for a chain of both, "" for none. head: domain of the last layer,
    where the taxonomy's label says otherwise. figure: what the authors measured, at their size and on their data.
    parameters: in millions, as published or counted in the published code; None where neither is known.
    """

    paper: str
    quantiser: str = ""
    auxiliary: str = ""
    decoder: str = ""
    head: str = ""
    causal: bool = False
    parameters: float | None = None
    figure: str = ""


MODELS: dict[str, Facts] = {
    "dac": Facts(
        "Kumar et al. 2023, arXiv 2306.06546",
        *("MVQ", "none", "T"),
        parameters=74.2,
        figure="PESQ 3.88, STOI 0.961 at 6 kbps (Codec-SUPERB, speech)",
    ),
    "encodec": Facts(
        "Defossez et al. 2022, arXiv 2210.13438",
        *("MVQ", "none", "T"),
        causal=True,
        parameters=14.85,
        figure="PESQ 2.64, STOI 0.910 at 6 kbps (Codec-SUPERB, speech)",
    ),
    "hifigan": Facts("Kong et al. 2020, arXiv 2010.05646", head="T", parameters=13.93),
    "mdctcodec": Facts(
        "Jiang et al. 2024, arXiv 2411.00464",
        *("MVQ", "none", "F"),
        parameters=6.63,
        figure="ViSQOL 4.18 at 6 kbps (VCTK, 48 kHz)",
    ),
    "music2latent": Facts("Pasini et al. 2024, arXiv 2408.06500", head="F", parameters=58.2),
    "nsf": Facts("Wang et al. 2019, arXiv 1904.12088", head="T"),
    "soundstream": Facts(
        "Zeghidour et al. 2021, arXiv 2107.03312",
        *("MVQ", "none", "T"),
        causal=True,
        parameters=8.4,
        figure="at 3 kbps preferred to Opus at 12 (MUSHRA)",
    ),
    "spectralcodec": Facts("Langman et al. 2024, arXiv 2406.05298", "SQ", "none", "F", head="T"),
    "streamcodec": Facts(
        "Jiang et al. 2025, arXiv 2504.06561",
        *("SQ+MVQ", "none", "F"),
        causal=True,
        parameters=7.0,
        figure="ViSQOL 4.30 at 1.5 kbps (16 kHz)",
    ),
    "vocos": Facts("Siuzdak 2023, arXiv 2306.00814", head="F", parameters=13.53),
    "vocos-tokens": Facts(
        "Siuzdak 2023, arXiv 2306.00814; tokens of Jiang et al. 2025", "SQ+MVQ", "none", "F", parameters=7.98
    ),
    "wavtokenizer": Facts(
        "Ji et al. 2024, arXiv 2408.16532",
        *("SVQ", "none", "F"),
        parameters=71.75,
        figure="PESQ 2.02, STOI 0.848 at 0.9 kbps (Codec-SUPERB, speech)",
    ),
}


def card_entry(model: str) -> dict[str, Any]:
    """What a card says of its system: paper, quantiser, auxiliary, decoder, head, causal, published size, figure.

    Empty for a model that is not in the table.
    """
    if model not in MODELS:
        return {}
    known = MODELS[model]
    entry = {key: getattr(known, key) for key in ("paper", "quantiser", "auxiliary", "decoder", "head", "causal")}
    entry["published_millions"] = known.parameters or "not published"
    return {**entry, "published_figure": known.figure}


def grid(places: Mapping[str, tuple[str, str, str]]) -> dict[tuple[str, str, str], list[str]]:
    """Names in every cell of the taxonomy, empty cells included, from (quantiser, auxiliary, decoder) by name."""
    cells: dict[tuple[str, str, str], list[str]] = {
        (quantiser, auxiliary, decoder): []
        for quantiser in QUANTISERS
        for auxiliary in AUXILIARIES
        for decoder in DECODERS
    }
    for name, (quantisers, auxiliary, decoder) in places.items():
        for quantiser in filter(None, quantisers.split("+")):
            cells[quantiser, auxiliary, decoder].append(name)
    return cells
