"""The process that encodes, with a model whose weights are broken."""

from __future__ import annotations

from typing import Any

import numpy as np

from model import encoder_child
from model.encode import Encoder


class _Broken:
    """A sentence-transformers model that answers each text with nan."""

    def encode(self, texts: list[str], **_options: Any) -> np.ndarray[Any, Any]:
        return np.full((len(texts), 384), np.nan, np.float32)


if __name__ == "__main__":
    Encoder._load = lambda _self: _Broken()  # type: ignore[method-assign,assignment,return-value]
    encoder_child.main()
