"""Protocol files of public corpora, each trap of theirs as a small invented file."""

from __future__ import annotations

from pathlib import Path

import pytest
from earwitness.core.errors import DataError, UsageError
from earwitness.datasets.protocols import FORMATS, Protocol, read

LINES = {
    "asvspoof2019": "LA_0079 LA_E_1138215 - A01 spoof\nLA_0080 LA_E_1271820 - - bonafide\n",
    "asvspoof2021": (
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
        "LA_0010 LA_E_9332882 none - - bonafide notrim eval\n"
        "LA_0010 LA_E_9332883 none - A07 spoof trim progress\n"
        "LA_0011 LA_E_9332884 gsm loc_tx A08 spoof trim hidden\n"
    ),
    "asvspoof5": (
        "E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -\n"
        "E_1608 E_0009538970 F - - - - bonafide bonafide -\n"
    ),
    "in-the-wild": "file,speaker,label\n0.wav,Alan Watts,spoof\n1.wav,\"Watts, Alan\",bona-fide\n",
    "codecfake": "F01_SSB00050001.wav fake 1\nSSB00050001.wav real 0\n",
    "codecfake+": "CLAMTTS CLAMTTS_1 Mvq None Freq Spoof\nCLAMTTS CLAMTTS_24 Real Real Real bonafide\n",
    "mlaad": (
        "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript\n"
        "./fake/de/vits/a.wav|de_DE/by_book/x/wavs/a.wav|de|True|3.1|thorsten|vits-model|vits|Ja | nein.\n"
        "./fake/de/vits/b.wav|de_DE/by_book/x/wavs/b.wav|de|True|2.0|thorsten|vits-model|vits|\"offen\n"
    ),
}  # fmt: skip


def protocol(folder: Path, text: str, format: str | None = None) -> Protocol:
    file = folder / "key.txt"
    file.write_bytes(text.encode())
    return read(file, format)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_format_is_recognised_and_maps_its_labels(tmp_path: Path, name: str, end: str) -> None:
    found = protocol(tmp_path, LINES[name].replace("\n", end))
    assert found.format == name
    assert found == protocol(tmp_path, LINES[name], name)
    fakes = [trial.synthetic for trial in found.trials]
    assert fakes[:2] == ([True, True] if name == "mlaad" else [True, False])
    assert "\r" not in "".join(trial.file + "".join(trial.traits.values()) + trial.subset for trial in found.trials)


def test_asvspoof_fields_land_where_they_belong(tmp_path: Path) -> None:
    spoof, genuine = protocol(tmp_path, LINES["asvspoof2019"]).trials
    assert (spoof.file, spoof.speaker, spoof.traits) == ("LA_E_1138215", "LA_0079", {"system": "A01"})
    assert (genuine.file, genuine.traits) == ("LA_E_1271820", {})

    found = protocol(tmp_path, LINES["asvspoof2021"])
    assert found.quoted == "eval"
    assert [trial.subset for trial in found.trials] == ["eval", "eval", "progress", "hidden"]
    assert found.trials[0].conditions == {"codec": "alaw", "transmission": "ita_tx"}
    assert found.trials[1].conditions == {"codec": "none", "transmission": "none"}

    spoof, genuine = protocol(tmp_path, LINES["asvspoof5"]).trials
    assert (spoof.file, spoof.traits, spoof.conditions) == ("E_0009538969", {"system": "A26"}, {"codec": "C05"})
    assert (genuine.traits, genuine.conditions) == ({}, {"codec": "none"})


def test_2021_df_has_thirteen_fields(tmp_path: Path) -> None:
    line = "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -\n"
    found = protocol(tmp_path, line)
    assert (found.format, found.trials[0].subset) == ("asvspoof2021", "progress")
    assert found.trials[0].traits == {"system": "A14", "vocoder": "traditional_vocoder"}
    assert found.trials[0].conditions == {"codec": "nocodec", "source": "asvspoof"}


def test_asvspoof_5_files_of_the_challenge_phase_have_six_fields(tmp_path: Path) -> None:
    found = protocol(tmp_path, "T_4850 T_0000000000 F - A05 spoof\nT_0001 T_0000000001 M - bonafide bonafide\n")
    assert found.format == "asvspoof5"
    assert [(trial.synthetic, dict(trial.traits)) for trial in found.trials] == [
        (True, {"system": "A05"}),
        (False, {}),
    ]


def test_a_tab_separated_reading_of_asvspoof_5_would_see_one_field(tmp_path: Path) -> None:
    # The published .tsv holds spaces; files that were turned into real tabs are read as well.
    assert protocol(tmp_path, LINES["asvspoof5"].replace(" ", "\t")) == protocol(tmp_path, LINES["asvspoof5"])


def test_codecfake_plus_has_two_files_and_either_case(tmp_path: Path) -> None:
    header = "Model ClipID QUA AUX DEC Label\n"
    cosg = protocol(tmp_path, header + LINES["codecfake+"])
    assert cosg == protocol(tmp_path, LINES["codecfake+"])
    assert cosg.trials[0].traits == {"system": "CLAMTTS", "quantiser": "Mvq", "auxiliary": "None", "decoder": "Freq"}
    cors = protocol(tmp_path, "p225 p225_001.wav Bonafide\np226 p226_002_Encodec_24b24k.wav spoof\n")
    assert [(trial.speaker, dict(trial.traits)) for trial in cors.trials] == [
        ("p225", {}),
        ("p226", {"system": "Encodec_24b24k"}),
    ]


def test_mlaad_is_all_fake_and_a_folder_of_it_is_one_protocol(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        place = tmp_path / "fake" / language / "vits" / "meta.csv"
        place.parent.mkdir(parents=True)
        place.write_text(LINES["mlaad"].replace("/de/", f"/{language}/"))
    found = read(tmp_path)
    assert (found.format, len(found.trials)) == ("mlaad", 4)
    assert all(trial.synthetic for trial in found.trials)
    assert found.trials[0].traits == {"system": "vits-model", "architecture": "vits", "language": "de"}
    assert [trial.file for trial in found.trials][::2] == ["./fake/de/vits/a.wav", "./fake/fr/vits/a.wav"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("asvspoof2019", "- - bonafide", "- - bona-fide"),
        ("asvspoof2021", "bonafide notrim", "genuine notrim"),
        ("asvspoof5", "bonafide bonafide", "bonafide Bonafide"),
        ("in-the-wild", "bona-fide", "real"),
        ("codecfake", "real 0", "bonafide 0"),
        ("codecfake+", "Real bonafide", "Real real"),
    ],
)
def test_an_unknown_label_is_an_error_that_names_line_and_string(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    text = LINES[name].replace(old, new)
    number = next(index for index, line in enumerate(text.splitlines(), 1) if new in line)
    with pytest.raises(DataError) as caught:
        protocol(tmp_path, text, name)
    wrong = {"- - bona-fide": "bona-fide", "genuine notrim": "genuine", "bonafide Bonafide": "Bonafide"}
    wrong |= {"real": "real", "bonafide 0": "bonafide", "Real real": "real"}
    assert f"line {number}:" in str(caught.value) and repr(wrong[new]) in str(caught.value)


def test_an_unknown_subset_and_a_line_of_another_size_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2.*'evaluation'"):
        protocol(tmp_path, LINES["asvspoof2021"].replace("bonafide notrim eval", "bonafide notrim evaluation"))
    for name, line in [("asvspoof5", "E_1 E_2 M C05\n"), ("codecfake", "a.wav real\n"), ("in-the-wild", "a,b\n")]:
        with pytest.raises(DataError, match="line 3"):
            protocol(tmp_path, LINES[name] + line if name != "in-the-wild" else "file,speaker,label\n\na,b\n", name)


def test_a_doubt_is_an_error(tmp_path: Path) -> None:
    for text in ("a b c\n", "a,b\n", "E_0009 target spoof -\n", '{"path": "a"}\n'):
        with pytest.raises(DataError, match="none of"):
            protocol(tmp_path, text)
    with pytest.raises(DataError, match=r"codecfake or codecfake\+"):
        protocol(tmp_path, "p225 real bonafide\n")
    # Names of no known corpus: five fields could be anything, so the user must say what they are.
    foreign = "me my_file - A01 spoof\n"
    with pytest.raises(DataError, match="--format"):
        protocol(tmp_path, foreign)
    assert protocol(tmp_path, foreign, "asvspoof2019").trials[0].synthetic
    with pytest.raises(UsageError, match="known: asvspoof2019"):
        protocol(tmp_path, foreign, "asvspoof2017")


def test_a_recording_that_is_listed_twice_or_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'LA_E_1138215' twice"):
        protocol(tmp_path, LINES["asvspoof2019"] + LINES["asvspoof2019"])
    with pytest.raises(DataError, match="empty"):
        protocol(tmp_path, "\n\n")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "absent.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00LA")
    with pytest.raises(DataError, match="not text"):
        read(tmp_path / "binary")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"meta\.csv"):
        read(tmp_path / "folder")
