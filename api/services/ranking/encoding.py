"""The encoder that the settings name, and where its vectors are."""

from __future__ import annotations

from pathlib import Path

from api.settings import EncoderSettings, Settings
from model.encode import Encoder
from model.encoder_process import EncoderChoice


def make_encoder(chosen: EncoderSettings) -> Encoder:
    """An encoder by its settings; it is loaded when it is first needed."""
    return Encoder(chosen.name, sha256=chosen.sha256 or None, device=chosen.device or None)


def get_vectors_folder(settings: Settings) -> Path:
    """The folder with the vectors of all encoders; it need not exist yet."""
    return settings.data_dir / "vectors"


def choose_encoder(settings: Settings) -> EncoderChoice:
    """What a process that encodes needs to know."""
    chosen = settings.encoder
    return EncoderChoice(
        get_vectors_folder(settings), chosen.name, chosen.sha256 or None, chosen.device or None
    )
