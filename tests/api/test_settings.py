from __future__ import annotations

from pathlib import Path

import pytest

from api import resources
from api.commands import output
from api.settings import EncoderSettings, HarvestSettings, Settings, SettingsError, load
from harvest.errors import FileTooLarge
from harvest.limits import Limits, get_limits, use_limits
from harvest.parsing.child import open_file
from harvest.sources.config import SourceConfig
from harvest.sources.registry import SOURCES


def test_the_later_source_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.toml"
    file.write_text('port = 9001\nqueue_size = 7\n[encoder]\ndevice = "cpu"\n')
    monkeypatch.setenv("WINNOW_CONFIG", str(file))
    monkeypatch.setenv("WINNOW_QUEUE_SIZE", "8")
    monkeypatch.setenv("WINNOW_ENCODER__NAME", "other")
    found = load(lease_minutes=9, seed=None)
    assert (found.port, found.queue_size, found.lease_minutes) == (9001, 8, 9)
    assert (found.encoder.name, found.encoder.device) == ("other", "cpu")
    assert found.seed == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WINNOW_PROT", "9000", "WINNOW_PROT"),
        ("WINNOW_PORT", "many", "port"),
        ("WINNOW_PORT", "99999", "port"),
        ("WINNOW_ENCODER__NAM", "x", "encoder.nam"),
    ],
)
def test_an_unknown_or_invalid_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        load()


def test_an_unknown_key_in_a_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own.toml"
    file.write_text("prot = 9001\n")
    monkeypatch.setenv("WINNOW_CONFIG", str(file))
    with pytest.raises(SettingsError, match="prot"):
        load()
    monkeypatch.setenv("WINNOW_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"no settings file .*absent\.toml"):
        load()


def test_settings_are_frozen() -> None:
    found = load()
    with pytest.raises(ValueError, match="frozen"):
        found.port = 1  # type: ignore[misc] # that is the test


def test_every_setting_has_a_default_and_a_comment() -> None:
    text = (resources.configs() / "default.toml").read_text()
    data = resources.toml(resources.configs() / "default.toml")
    assert set(data) | {"sources"} == set(Settings.model_fields)
    assert set(data["harvest"]) == set(HarvestSettings.model_fields)
    assert set(data["encoder"]) == set(EncoderSettings.model_fields)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            above = lines[number - 1]
            assert above.startswith("#") or " = " in above, f"{line} has no comment"


def test_settings_of_sources_are_explained_in_the_file_and_none_are_in_code() -> None:
    path = resources.configs() / "sources.toml"
    head = path.read_text().split("[pubmed]")[0]
    data = resources.toml(path)
    assert set(data) == set(SOURCES)
    for values in data.values():
        assert set(values) == set(SourceConfig.model_fields)
    for name in ("base_url", "interval", "page_size", "largest_result", "api_key", "cost"):
        assert name in head


def test_a_sources_settings_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_SOURCES__PUBMED__BASE_URL", "http://127.0.0.1:9/eutils")
    monkeypatch.setenv("WINNOW_HARVEST__ALLOW_LOOPBACK", "true")
    found = load()
    assert found.sources["pubmed"].url("esearch.fcgi") == "http://127.0.0.1:9/eutils/esearch.fcgi"
    assert found.sources["pubmed"].page_size == 200
    assert found.harvest.allow_loopback
    monkeypatch.setenv("WINNOW_SOURCES__PUBMD__API_KEY", "secret")
    with pytest.raises(SettingsError, match="there is no source 'pubmd'"):
        load()


def test_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_SOURCES__PUBMED__API_KEY", "sesame")
    assert "sesame" not in repr(load())


def test_hosts_and_urls_follow_the_public_address() -> None:
    found = load(public_url="https://w.example.org/", allowed_hosts=("x.example",))
    assert found.secure
    assert found.base_url == "https://w.example.org"
    assert {"w.example.org", "x.example", "127.0.0.1", "localhost"} <= set(found.hosts)
    assert load(port=8100).base_url == "http://127.0.0.1:8100"


def test_the_limits_of_files_are_those_that_readers_have_without_settings() -> None:
    assert load().limits == Limits()


def test_a_limit_of_files_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_FILES__COLUMNS", "12")
    assert load().limits == Limits(columns=12)


def test_commands_read_files_within_the_limits_that_are_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = get_limits()
    monkeypatch.setenv("WINNOW_FILES__COLUMNS", "2")
    file = tmp_path / "table.csv"
    file.write_text("title,abstract,doi\nA,B,10.1000/x\n")
    try:
        output.settings()
        with pytest.raises(FileTooLarge, match="3 columns; the limit is 2"), open_file(file):
            pass
    finally:
        use_limits(before)
