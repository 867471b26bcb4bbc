"""Settings from the environment: what cannot be used is refused at the start, every problem at once."""

from pathlib import Path

import pytest

from services.kernel.config import BadSettings, Config


def test_every_setting_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    environ = {"GUANHU_ENVIRONMENT": "staging", "GUANHU_MIGRATE": "sometimes", "GUANHU_LOG_LEVEL": "LOUD"}
    with pytest.raises(BadSettings) as refused:
        Config.from_env(environ, folder=tmp_path)
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "GUANHU_ENVIRONMENT",
        "GUANHU_MIGRATE",
        "GUANHU_LOG_LEVEL",
    ]


def test_schemas_are_migrated_at_the_start_unless_the_setting_says_never(tmp_path: Path) -> None:
    assert Config.from_env({}, folder=tmp_path).migrate == "at-start"
    assert Config.from_env({"GUANHU_MIGRATE": "never"}, folder=tmp_path).migrate == "never"
