"""The encoder that the settings name."""

from __future__ import annotations

from api.settings import EncoderSettings
from model.encode import Encoder


def encoder_of(chosen: EncoderSettings) -> Encoder:
    """An encoder by its settings; loaded when it is first needed."""
    return Encoder(chosen.name, sha256=chosen.sha256 or None, device=chosen.device or None)
