"""Configuration of a source: address, pace, limits and terms of use."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harvest.http import Limits


class Terms(BaseModel):
    """A source's terms of use; they are shown, and exports obey them.

    Attributes:
        share_abstracts: whether an export that leaves the team may contain its abstracts.
        address: web page of the terms.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    share: str
    share_abstracts: bool
    machine_learning: str
    attribution: str
    address: str


class SourceConfig(BaseModel):
    """One source's settings; they are explained at the top of ``configs/sources.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    platform: str
    base_url: str = Field(min_length=8)
    interval: float = Field(ge=0)
    interval_with_key: float = Field(ge=0)
    page_size: int = Field(gt=0)
    largest_result: int = Field(ge=0)
    largest_without_key: int = Field(ge=0)
    timeout: float = Field(gt=0)
    attempts: int = Field(gt=0)
    backoff: float = Field(ge=0)
    longest_wait: float = Field(ge=0)
    largest_body_mb: float = Field(gt=0)
    api_key: str = Field(default="", repr=False)
    key_from: str = ""
    without_key: str
    cost: float = Field(ge=0)
    daily_budget: float = Field(ge=0)
    daily_budget_with_key: float = Field(ge=0)
    overlap_days: int = Field(ge=0)
    terms: Terms

    @property
    def limits(self) -> Limits:
        """Limits for the outbound client."""
        return Limits(
            interval=self.interval_with_key if self.api_key else self.interval,
            timeout=self.timeout,
            attempts=self.attempts,
            backoff=self.backoff,
            longest_wait=self.longest_wait,
            largest_body=int(self.largest_body_mb * 1024 * 1024),
        )

    @property
    def budget(self) -> float:
        """Free allowance in US dollars a day; 0 if the source is free."""
        return self.daily_budget_with_key if self.api_key else self.daily_budget

    def url(self, path: str) -> str:
        """Address of one of the source's services."""
        return f"{self.base_url.rstrip('/')}/{path}"
