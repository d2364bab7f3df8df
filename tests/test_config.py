"""Configurations: two engines told apart, JSON and back, what earlier versions saved, refusals."""

import json
from dataclasses import asdict, replace

import pytest

from s2s_core.config import PRESETS, PaperTraining, ProgrammeTraining, RunConfig, preset
from s2s_core.errors import S2SError

# A configuration as it was saved when both engines shared one table of settings.
OLD_MODEL = {
    "cascades": 3,
    "blocks": 8,
    "layers": 4,
    "features": 32,
    "growth": 32,
    "attention_blocks": 2,
    "window": 8,
    "heads": 4,
    "context": False,
}
OLD_TRAIN = {
    "prior": True,
    "steps": 0,
    "epochs": 3000,
    "batch": 16,
    "patch": 64,
    "patch_stride": 2,
    "loss_power": 1,
    "splits": 8,
    "learning_rate": 1e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "weight_st": 10.0,
    "natural_images": True,
    "noisy_images": True,
    "image_folder": "",
    "loss_s2d": True,
    "withhold_low": 0.1,
    "withhold_high": 0.5,
    "choose_fraction": 0.1,
    "check_every": 50,
    "patience": 6,
    "augment_at_prediction": True,
}
OLD = {
    "method": "s2s",
    "preset": "paper",
    "programmes": 0,
    "compare": ["linear", "programme-kriging"],
    "answer": "mean",
    "coverage": 0.9,
    "seed": 0,
    "device": "auto",
    "threads": 0,
    "model": OLD_MODEL,
    "train": OLD_TRAIN,
}
OLD_FAST = OLD | {
    "preset": "fast",
    "programmes": 40,
    "model": OLD_MODEL
    | {"cascades": 2, "blocks": 3, "growth": 16, "attention_blocks": 0, "context": True},
    "train": OLD_TRAIN
    | {
        "steps": 80,
        "batch": 8,
        "splits": 6,
        "learning_rate": 8e-4,
        "beta1": 0.9,
        "loss_power": 2,
        "natural_images": False,
        "check_every": 20,
    },
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_comes_back_from_json(name):
    config = preset(name, seed=3, compare=("linear",))
    assert RunConfig.from_json(config.to_json()) == config
    assert config.engine == json.loads(config.to_json())["train"]["engine"]


def test_the_type_of_the_training_says_which_engine_runs():
    assert isinstance(preset("paper").train, PaperTraining)
    assert isinstance(preset("fast").train, ProgrammeTraining)
    assert RunConfig() == preset("fast")


def test_configurations_of_earlier_versions_still_mean_what_they_meant():
    assert RunConfig.from_json(json.dumps(OLD_FAST)) == preset("fast")
    paper = RunConfig.from_json(json.dumps(OLD))
    assert paper.engine == "paper"
    assert paper.model == preset("paper").model
    # What it did then, and does no longer unless asked.
    assert (paper.train.shared_network, paper.train.prediction) == (True, "section")
    assert paper.train.loss_s2d == "mended"
    assert (paper.train.set_aside, paper.train.patience, paper.train.steps) == (0.1, 6, None)
    shorter = OLD | {"train": OLD_TRAIN | {"steps": 200}}
    assert RunConfig.from_json(json.dumps(shorter)).train.steps == 200


def test_photographs_in_the_programme_engine_are_refused():
    old = OLD_FAST | {"train": OLD_FAST["train"] | {"natural_images": True}}
    with pytest.raises(S2SError, match="take preset paper"):
        RunConfig.from_json(json.dumps(old))


def changed(part, **values):
    data = asdict(preset("paper"))
    (data[part] if part else data).update(values)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (changed("", magic=1), "Unknown setting 'magic'"),
        (changed("train", magic=1), "Unknown setting 'magic'"),
        (changed("model", magic=1), "Unknown setting 'magic'"),
        (changed("train", splits=3), "Unknown setting 'splits'"),
        (changed("train", engine="magic"), "Unknown engine 'magic'; choose paper or programmes"),
        (changed("train", batch=0), "batch can be a whole number at least 1, not 0"),
        (changed("train", batch=1.5), "batch can be a whole number"),
        (changed("train", batch=True), "batch can be a whole number"),
        (changed("train", learning_rate=0), "learning_rate can be a number above 0, not 0"),
        (changed("train", weight_st=float("nan")), "weight_st can be a number"),
        (changed("train", set_aside=1.5), "set_aside can be a number at least 0 and at most 1"),
        (changed("train", set_aside=0.9), "leaves too few to learn from: 50% at most"),
        (changed("train", patience=3), "give set_aside a share"),
        (changed("train", withhold_low=0.7), "must not be above withhold_high"),
        (
            changed("train", loss_s2d="maybe"),
            "Unknown loss_s2d 'maybe'; choose mended, published or off",
        ),
        (changed("train", patch_stride=0), "patch_stride can be a whole number at least 1, not 0"),
        (changed("train", natural_images="yes"), "natural_images can be true or false, not 'yes'"),
        (changed("train", loss_power=3), "loss_power can be 1 or 2, not 3"),
        (changed("train", patience=0), "patience can be a whole number at least 1 or none"),
        (changed("model", cascades=0), "cascades can be a whole number at least 1"),
        (changed("model", features=30), "30 features cannot be shared among 4 attention heads"),
        (changed("model", context=True), "single genes one without"),
        (changed("", answer="mode"), "Unknown answer 'mode'; choose mean or median"),
        (changed("", coverage=1.0), "a share between 0 and 1, not 1.0"),
        (changed("", programmes=0), "programmes can be a whole number at least 1"),
    ],
)
def test_unknown_and_impossible_settings_are_refused_in_a_sentence(text, sentence):
    with pytest.raises(S2SError, match=sentence):
        RunConfig.from_json(text)


def test_settings_are_checked_wherever_they_are_changed():
    with pytest.raises(S2SError, match="batch can be"):
        replace(preset("fast").train, batch=0)
    with pytest.raises(S2SError, match="Unknown preset 'slow'"):
        preset("slow")
