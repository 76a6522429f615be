"""Imports point up the house only: a lower layer that needs an upper fact is given a plain value."""

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_no_layer_imports_one_above_it(capsys):
    status = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
