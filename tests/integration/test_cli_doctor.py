"""deepcore train --doctor: what keeps the network from learning is printed."""

import json

from integration.command_line import fail, run

MOONS = ("moons", "--layers", "16,16", "--epochs", 40)


def test_a_low_learning_rate_is_named(tmp_path):
    out = run("train", *MOONS, "--learning-rate", "1e-7", "--doctor", "--out", tmp_path)
    _, doctor = out.split("\ndoctor\n")
    assert doctor.startswith("  problem: learning_rate_too_low\n    With the rate 1e-07 the loss went from ")
    assert "    advice: optimizer: learning_rate=" in doctor
    findings = json.loads((tmp_path / "history.json").read_text())["findings"]
    assert findings[0].keys() == {"cause", "severity", "layer", "evidence", "advice", "proof"}
    assert findings[0]["cause"] == "learning_rate_too_low"


def test_a_sound_training_has_no_findings_and_the_same_files(tmp_path):
    sound = ["train", *MOONS, "--learning-rate", "0.01"]
    out = run(*sound, "--doctor", "--out", tmp_path / "a")
    assert "doctor\n  nothing was found that keeps the network from learning\n" in out
    run(*sound, "--out", tmp_path / "b")
    for name in ("model.safetensors", "history.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_loss_that_is_not_finite_is_explained_before_the_error(tmp_path, monkeypatch):
    rate = ["--optimizer", "sgd", "--learning-rate", "1e30"]
    said = []
    monkeypatch.setattr("deepcore.cli.doctoring.say", said.append)
    assert "the loss is no longer finite" in fail("train", *MOONS, *rate, "--doctor", "--out", tmp_path)
    assert "  problem: learning_rate_too_high" in said


def test_recipes_without_a_network_of_your_own_are_refused(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(80)))
    message = fail("train", table, "--doctor", "--out", tmp_path / "out")
    assert "--doctor examines the training of one network of your own; add --recipe network" in message
