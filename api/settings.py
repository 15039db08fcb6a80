"""Settings from the shipped defaults, a file, the environment and the command line; frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from api import resources
from api.wording import list_problems
from harvest.limits import Limits
from harvest.sources.config import SourceConfig, Terms
from harvest.sources.registry import SOURCES

PREFIX = "WINNOW_"
# Variables that are read by the loader and are not settings.
_NOT_SETTINGS = {"WINNOW_CONFIG"}


class SettingsError(ValueError):
    """A setting is unknown or out of range; the message says which, and what it may be."""


class EncoderSettings(BaseModel):
    """The sentence-transformers model that makes vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    sha256: str
    device: str
    idle_seconds: float = Field(gt=0)


class FilesSettings(BaseModel):
    """What reading one file may take; see ``harvest.limits.Limits``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds_per_mb: int = Field(gt=0)
    memory_mb: int = Field(ge=500)
    unpacked_mb: int = Field(gt=0)
    columns: int = Field(gt=0)
    field_length: int = Field(gt=0)


class HarvestSettings(BaseModel):
    """How public sources are asked; each source's own settings are in ``sources``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_loopback: bool
    contact: str
    shortest_minutes: int = Field(gt=0)


class PoolSettings(BaseModel):
    """How records that come out of the pool are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_in_full: int = Field(ge=0)


class TellSettings(BaseModel):
    """How night summaries are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smtp_host: str
    smtp_port: int = Field(gt=0, le=65535)
    smtp_security: Literal["starttls", "tls", "none"]
    smtp_user: str
    smtp_password: str = Field(repr=False)
    mail_from: str
    webhook_secret: str = Field(repr=False)
    webhook_ports: frozenset[Annotated[int, Field(gt=0, le=65535)]]


class Settings(BaseSettings):
    """All settings; ``configs/default.toml`` says what each means."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: Path
    database_url: str
    host: str
    port: int = Field(ge=0, le=65535)
    public_url: str
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    upload_limit_mb: int = Field(gt=0)
    stall_seconds: float = Field(gt=0)
    send_seconds: float = Field(gt=0)
    queue_size: int = Field(ge=3, le=200)
    lease_minutes: int = Field(gt=0)
    session_hours: int = Field(gt=0)
    login_link_minutes: int = Field(gt=0)
    invitation_hours: int = Field(gt=0)
    pipeline: str
    seed: int = Field(ge=0)
    worker_idle_seconds: float = Field(gt=0)
    busy_seconds: float = Field(gt=0, le=300)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    encoder: EncoderSettings
    files: FilesSettings
    harvest: HarvestSettings
    pool: PoolSettings
    tell: TellSettings
    sources: dict[str, SourceConfig]

    @field_validator("sources")
    @classmethod
    def _check_sources(cls, value: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        unknown = sorted(set(value) - set(SOURCES))
        if unknown:
            raise ValueError(f"there is no source {unknown[0]!r}; there are: {', '.join(SOURCES)}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line wins over the environment, which wins over files."""
        files = [resources.configs() / "default.toml"]
        sources = resources.configs() / "sources.toml"
        own_file = os.environ.get("WINNOW_CONFIG")
        if own_file:
            files.append(Path(own_file))
        return (init_settings, env_settings, _Files(settings_cls, files, sources))

    @field_validator("data_dir", mode="before")
    @classmethod
    def _default_folder(cls, value: object) -> object:
        return value or platformdirs.user_data_dir("winnow", appauthor=False)

    @property
    def store_url(self) -> str:
        """The database's URL; SQLite in the data folder if none is set."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'winnow.db').as_posix()}"

    @property
    def base_url(self) -> str:
        """The address that links begin with, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether people use https, so that cookies are bound to it."""
        return urlsplit(self.base_url).scheme == "https"

    @property
    def hosts(self) -> list[str]:
        """Host names that a request may use."""
        own = urlsplit(self.base_url).hostname
        return sorted({*self.allowed_hosts, self.host, "localhost", "127.0.0.1", own or self.host})

    @property
    def terms(self) -> dict[str, Terms]:
        """The terms of each source, by its short name."""
        return {name: config.terms for name, config in self.sources.items()}

    @property
    def limits(self) -> Limits:
        """What reading one file may take."""
        return Limits(**self.files.model_dump())

    @property
    def upload_limit(self) -> int:
        """Size of the largest upload, in bytes."""
        return self.upload_limit_mb * 1_000_000


class _Files(TomlConfigSettingsSource):
    """TOML files, the later over the earlier, tables key by key; sources have their own file."""

    def __init__(self, settings_cls: type[BaseSettings], files: list[Path], sources: Path) -> None:
        self._files = files
        super().__init__(settings_cls, None)
        merged: dict[str, Any] = {"sources": resources.toml(sources)}
        for file in files:
            if not file.is_file():
                raise SettingsError(f"there is no settings file {file}")
            merged = _merged(merged, resources.toml(file))
        self.init_kwargs = merged

    def __call__(self) -> dict[str, Any]:
        return dict(self.init_kwargs)


def _merged(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(earlier)
    for key, value in later.items():
        both_tables = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both_tables else value
    return result


def _unknown_source(name: str) -> str | None:
    """The source that an environment variable names, if there is no such source; else None."""
    parts = name.removeprefix(PREFIX).lower().split("__")
    return (
        parts[1] if parts[0] == "sources" and len(parts) > 1 and parts[1] not in SOURCES else None
    )


def _check_environment() -> None:
    """Refuse misspelt variables, since pydantic-settings ignores unknown ones."""
    variables = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        if name not in variables and name.split("__")[0] not in variables:
            raise SettingsError(f"there is no setting for the environment variable {name}")
        if source := _unknown_source(name):
            raise SettingsError(
                f"{name}: there is no source {source!r}; there are: {', '.join(SOURCES)}"
            )


def load(**overrides: Any) -> Settings:
    """Settings from files, the environment and overrides; an override of None does nothing.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    _check_environment()
    values = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(f"settings: {list_problems(error)}") from error
