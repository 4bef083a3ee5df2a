from pathlib import Path

import pytest

from config.settings import ENVIRONMENT, Settings, SettingsError, load_settings

pytestmark = pytest.mark.unit


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text('llm_model = "from-file"\nowner_id = 7\n')

    settings = load_settings({"LLM_MODEL": "from-environment"}, file)

    assert (settings.llm_model, settings.owner_id) == ("from-environment", 7)


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    assert load_settings({"DISCORD_TOKEN": ""}, tmp_path / "none.toml").discord_token is None


def test_a_bad_value_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TROUPE_OWNER_ID"):
        load_settings({"TROUPE_OWNER_ID": "me"}, tmp_path / "none.toml")


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text("llm_modle = 'typo'\n")

    with pytest.raises(SettingsError, match="llm_modle"):
        load_settings({}, file)


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text("= nothing")

    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings({}, file)


def test_every_setting_has_an_environment_name() -> None:
    assert set(ENVIRONMENT) == set(Settings.__struct_fields__)


def test_at_least_one_request_at_a_time_must_be_allowed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LLM_CONCURRENCY"):
        load_settings({"LLM_CONCURRENCY": "0"}, tmp_path / "none.toml")


def test_the_readme_tells_of_every_setting() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

    assert [name for name in ENVIRONMENT.values() if f"`{name}`" not in readme] == []
