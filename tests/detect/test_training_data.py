from __future__ import annotations

from dataclasses import replace

from earwitness.datasets.manifest import Clip
from earwitness.detect.training_data import learnable


def test_what_has_no_label_as_a_whole_is_not_learnt_from() -> None:
    genuine = Clip("/a.flac", speaker="s", sha256="a")
    fake = replace(genuine, path="/b.flac", sha256="b", label="spoof", system="valler/resample", source="/a.flac")
    partial = replace(fake, path="/c.flac", sha256="c", system="valler/infill", spans=((0.5, 1.0),))
    copied = replace(genuine, path="/d.flac", sha256="d", neural_codec=True)
    held_out = replace(fake, path="/e.flac", sha256="e", split="test")
    again = replace(fake, path="/f.flac")
    noise = replace(genuine, path="/g.flac", sha256="g", kind="noise")
    kept = learnable([genuine, fake, partial, copied, held_out, again, noise])
    assert [clip.sha256 for clip in kept] == ["a", "b"]
