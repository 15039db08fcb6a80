"""The encoder that the settings name."""

from __future__ import annotations

from api.settings import EncoderSettings
from model.encode import Encoder


def make_encoder(chosen: EncoderSettings) -> Encoder:
    """An encoder by its settings; it is loaded when it is first needed."""
    return Encoder(chosen.name, sha256=chosen.sha256 or None, device=chosen.device or None)
