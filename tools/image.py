"""Makes sure that the Envoy image of the container tests is there: present, pulled, or built from the local Envoy.

Where no registry can be reached the image is Envoy, the libraries it names, and the CA roots, with the entry point of
the official distroless image: give it flags only. SLUICE_ENVOY_IMAGE names another image; that one is never built.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from gateway import ROOTS
from project import fail, say

import envoy

BUILT = f"envoyproxy/envoy:v{envoy.PINNED}"
# Loaded by glibc when it looks up a host, so no binary names them.
NAME_SERVICE = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")


def docker(*arguments: str, limit: int = 300) -> bool:
    try:
        return subprocess.run(["docker", *arguments], check=False, capture_output=True, timeout=limit).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def engine_answers() -> bool:
    """As sluice-containers asks it."""
    return docker("info", limit=20)


def ensure() -> str:
    name = os.environ.get("SLUICE_ENVOY_IMAGE") or BUILT
    if docker("image", "inspect", name):
        return name
    say(f"pulling {name}")
    if docker("pull", "--quiet", name):
        return name
    if name != BUILT:
        fail(f"the image {name} can be neither found nor pulled")
    build(envoy.find())
    return name


def build(binary: str) -> None:
    say(f"building {BUILT} from {binary}, as no registry answers")
    shown = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    libraries = [Path(word) for word in shown.split() if word.startswith("/")]
    libraries += [lib for name in NAME_SERVICE for lib in [libraries[0].parent / name] if lib.exists()]
    changes = ['ENTRYPOINT ["/usr/local/bin/envoy"]', 'CMD ["-c","/etc/envoy/envoy.yaml"]', "USER 101"]
    command = ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", BUILT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as importing:
        assert importing.stdin
        with tarfile.open(fileobj=importing.stdin, mode="w|") as root:
            fill(root, binary, libraries)
        importing.stdin.close()
    if importing.returncode != 0:
        fail("docker import failed")


def fill(root: tarfile.TarFile, binary: str, libraries: list[Path]) -> None:
    add(root, "usr/local/bin/envoy", Path(binary).read_bytes(), 0o755)
    for library in libraries:
        add(root, str(library).lstrip("/"), library.read_bytes(), 0o755)
    add(root, ROOTS.lstrip("/"), Path(ROOTS).read_bytes(), 0o644)
    add(root, "etc/passwd", b"envoy:x:101:101:envoy:/:/sbin/nologin\n", 0o644)
    add(root, "etc/group", b"envoy:x:101:\n", 0o644)
    add(root, "etc/nsswitch.conf", b"hosts: files dns\n", 0o644)
    for name, mode in (("tmp", 0o1777), ("etc/envoy", 0o755)):
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, mode
        root.addfile(folder)


def add(root: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    root.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # only the answer goes to standard output
        answer = ensure()
    print(answer)
