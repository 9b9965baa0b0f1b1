"""ASVspoof 2019 LA, 2021 LA and DF, and ASVspoof 5: fields between spaces, without a header.

    2019 LA     LA_0079 LA_T_1138215 - A01 spoof
    2021 LA     LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
    2021 DF     LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -
    5           E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -
    5, 2024     T_4850 T_0000000000 F - A05 spoof           (the files of the challenge phase)

The files of ASVspoof 5 are called .tsv and hold no tab. Results on 2021 are quoted on its subset "eval".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...core.errors import DataError
from .trial import Format, Line, Trial, label, place

LABELS = {"bonafide": False, "spoof": True}
NOTHING = "-"


@dataclass(frozen=True)
class Layout:
    """Positions of the fields, from 0. file_name: how recordings of the corpus are called."""

    fields: int
    file_name: str
    key: int
    traits: Mapping[str, int]
    conditions: Mapping[str, int] = field(default_factory=dict)
    subset: int | None = None

    def fits(self, fields: Sequence[str]) -> bool:
        """Whether a line can be of this layout, by its size and the recording's name."""
        return len(fields) == self.fields and re.fullmatch(self.file_name, fields[1]) is not None

    def trial(self, fields: Sequence[str], where: str) -> Trial:
        synthetic = label(fields[self.key], LABELS, where)
        traits = {name: fields[at] for name, at in self.traits.items() if fields[at] != NOTHING}
        conditions = {name: fields[at] if fields[at] != NOTHING else "none" for name, at in self.conditions.items()}
        subset = "" if self.subset is None else fields[self.subset]
        if self.subset is not None and subset not in SUBSETS:
            raise DataError(f"{where}: the subset must be one of {', '.join(SUBSETS)}, not {subset!r}.")
        return Trial(fields[1], synthetic, fields[0], traits if synthetic else {}, conditions, subset)


SUBSETS = ("eval", "progress", "hidden")
LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "asvspoof2019": (Layout(5, r"LA_[TDE]_\d+", 4, {"system": 3}),),
    "asvspoof2021": (
        Layout(8, r"LA_E_\d+", 5, {"system": 4}, {"codec": 2, "transmission": 3}, subset=7),
        Layout(13, r"DF_E_\d+", 5, {"system": 4, "vocoder": 8}, {"codec": 2, "source": 3}, subset=7),
    ),
    "asvspoof5": (
        Layout(10, r"[TDE]_\d+", 8, {"system": 7}, {"codec": 3}),
        Layout(6, r"[TDE]_\d+", 5, {"system": 4}),
    ),
}


def _format(name: str, layouts: tuple[Layout, ...], quoted: str = "") -> Format:
    def fits(lines: Sequence[Line]) -> bool:
        rows = [line.text.split() for line in lines]
        return any(all(layout.fits(row) for row in rows) for layout in layouts)

    def parse(lines: Iterable[Line], file: str) -> Iterator[Trial]:
        layout: Layout | None = None
        for line in lines:
            fields, where = line.text.split(), place(file, line)
            layout = layout or next((known for known in layouts if known.fields == len(fields)), None)
            if layout is None or layout.fields != len(fields):
                wanted = str(layout.fields) if layout else " or ".join(str(known.fields) for known in layouts)
                raise DataError(f"{where}: {name} has {wanted} fields between spaces here, not {len(fields)}.")
            yield layout.trial(fields, where)

    return Format(name, fits, parse, quoted)


ASVSPOOF = tuple(
    _format(name, layouts, "eval" if name == "asvspoof2021" else "") for name, layouts in LAYOUTS.items()
)
