"""earwitness train."""

from __future__ import annotations

from .options import Data, Debug, Device, Home, Out, Quiet, Recipe, Resume, Steps, Workers


def train(
    recipe: Recipe,
    data: Data,
    out: Out,
    device: Device = None,
    steps: Steps = None,
    resume: Resume = False,
    workers: Workers = 1,
    home: Home = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train the codec, vocoder or detector that a recipe describes (needs the extra 'train').

    Codecs learn from a folder of recordings, detectors from a folder that 'dataset build' made.
    """
    from .. import training
    from .progress import reporter

    options = training.TrainingOptions(device and device.value, steps, resume, workers)
    with reporter(show=not quiet) as progress:
        file = training.train(recipe, data, out, options, progress)
    if not quiet:
        print(f"Trained: {file}")
