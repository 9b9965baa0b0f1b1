"""In-the-Wild, Codecfake (Xie), CodecFake+ and MLAAD.

    In-the-Wild         meta.csv                    file,speaker,label        7.wav,Barack Obama,bona-fide
    Codecfake           label/C1.txt                F01_SSB00050001.wav fake 1
    CodecFake+ CoSG     CoSG_labels.txt             CLAMTTS CLAMTTS_1 Mvq None Freq Spoof
    CodecFake+ CoRS     CoRS_labels.txt             p226 p226_002_bigcodec.wav spoof
    MLAAD               fake/<language>/<model>/meta.csv, fields between |, first line their names

All of MLAAD is fake: without genuine recordings only its miss rate can be measured.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from ...core.errors import DataError
from .trial import Format, Line, Trial, label, place

WILD_HEADER = ["file", "speaker", "label"]
WILD_LABELS = {"bona-fide": False, "bonafide": False, "spoof": True}
XIE_LABELS = {"real": False, "fake": True}
PLUS_HEADER = ["Model", "ClipID", "QUA", "AUX", "DEC", "Label"]
PLUS_LABELS = {"bonafide": False, "spoof": True}
PLUS_DECODERS = {"time", "freq", "frequency", "real"}
MLAAD_NEEDED = ("path", "language", "model_name", "architecture")


def _cells(line: Line) -> list[str]:
    return next(csv.reader([line.text]))


def _wild_fits(lines: Sequence[Line]) -> bool:
    return _cells(lines[0]) == WILD_HEADER


def _wild(lines: Iterable[Line], file: str) -> Iterator[Trial]:
    for index, line in enumerate(lines):
        cells, where = _cells(line), place(file, line)
        if index == 0:
            if cells != WILD_HEADER:
                raise DataError(f"{where}: the header must be {','.join(WILD_HEADER)}.")
            continue
        _size(cells, (3,), "In-the-Wild", where)
        yield Trial(cells[0], label(cells[2], WILD_LABELS, where), cells[1])


def _xie_fits(lines: Sequence[Line]) -> bool:
    rows = [line.text.split() for line in lines]
    return all(len(row) == 3 and row[1] in XIE_LABELS for row in rows)


def _xie(lines: Iterable[Line], file: str) -> Iterator[Trial]:
    for line in lines:
        fields, where = line.text.split(), place(file, line)
        _size(fields, (3,), "Codecfake", where)
        synthetic = label(fields[1], XIE_LABELS, where)
        yield Trial(fields[0], synthetic, traits={"system": fields[2]} if synthetic else {})


def _plus_fits(lines: Sequence[Line]) -> bool:
    rows = [line.text.split() for line in lines]
    rows = rows[1:] if rows[0] == PLUS_HEADER else rows
    return all(
        len(row) in (3, 6) and row[-1].lower() in PLUS_LABELS and (len(row) == 3 or row[4].lower() in PLUS_DECODERS)
        for row in rows
    )


def _plus(lines: Iterable[Line], file: str) -> Iterator[Trial]:
    for index, line in enumerate(lines):
        fields, where = line.text.split(), place(file, line)
        if index == 0 and fields == PLUS_HEADER:
            continue
        _size(fields, (3, 6), "CodecFake+", where)
        if fields[-1].lower() not in PLUS_LABELS:
            label(fields[-1], PLUS_LABELS, where)
        synthetic = PLUS_LABELS[fields[-1].lower()]
        if len(fields) == 3:
            # VCTK's own names are <speaker>_<sentence>; a codec's output has the codec behind it.
            codec = "_".join(PurePosixPath(fields[1]).stem.split("_")[2:])
            yield Trial(fields[1], synthetic, fields[0], {"system": codec} if synthetic and codec else {})
            continue
        names = ("system", "quantiser", "auxiliary", "decoder")
        values = (fields[0], *fields[2:5])
        yield Trial(fields[1], synthetic, traits=dict(zip(names, values, strict=True)) if synthetic else {})


def _mlaad_fits(lines: Sequence[Line]) -> bool:
    return set(MLAAD_NEEDED) <= set(lines[0].text.split("|"))


def _mlaad(lines: Iterable[Line], file: str) -> Iterator[Trial]:
    columns: dict[str, int] = {}
    for line in lines:
        cells, where = line.text.split("|"), place(file, line)
        if not columns:
            columns = {name: at for at, name in enumerate(cells)}
            if missing := [name for name in MLAAD_NEEDED if name not in columns]:
                raise DataError(f"{where}: the header of MLAAD has no {', '.join(missing)}.")
            continue
        # A transcript, the last column, may hold the separator itself.
        if len(cells) < len(columns):
            raise DataError(f"{where}: there are {len(cells)} fields under a header of {len(columns)}.")
        traits = {"system": "model_name", "architecture": "architecture", "language": "language"}
        found = {name: cells[columns[column]] for name, column in traits.items() if cells[columns[column]]}
        speaker = cells[columns["original_file"]] if "original_file" in columns else ""
        yield Trial(cells[columns["path"]], True, speaker, found)


def _size(fields: Sequence[str], sizes: tuple[int, ...], name: str, where: str) -> None:
    if len(fields) not in sizes:
        wanted = " or ".join(map(str, sizes))
        raise DataError(f"{where}: {name} has {wanted} fields a line, not {len(fields)}.")


OTHERS = (
    Format("in-the-wild", _wild_fits, _wild),
    Format("codecfake", _xie_fits, _xie),
    Format("codecfake+", _plus_fits, _plus),
    Format("mlaad", _mlaad_fits, _mlaad),
)
