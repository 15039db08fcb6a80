"""Files that come with the program."""

from __future__ import annotations

from api import resources


def test_the_programs_resource_files_exist() -> None:
    assert (resources.configs() / "default.toml").is_file()
    assert resources.TEMPLATES.is_dir()
