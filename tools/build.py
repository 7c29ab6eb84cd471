"""Builds target/sluice.wasm: the release wasm, through wasm-opt where there is one. `--toolchain`: only its target."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from project import CARGO_TARGET, ROOT, TARGET, WASM, fail, run, say

TRIPLE = "wasm32-wasip1"
# The features rustc's target uses; wasm-opt must be told.
FEATURES = ("bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext")


def toolchain() -> None:
    """Adds the wasm target to the pinned toolchain: cargo does not do so by itself everywhere."""
    for tool in ("cargo", "rustup"):
        if shutil.which(tool) is None:
            fail(f"{tool} is not installed: install Rust with rustup, then try again")
    if shutil.which("cc") is None:
        fail("cc is not installed: rustc links with it (Debian: build-essential)")
    listed = subprocess.run(
        ["rustup", "target", "list", "--installed"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode != 0:
        reason = listed.stderr.strip().splitlines()[-1:] or ["no reason given"]
        fail(f"rustup has no toolchain for rust-toolchain.toml ({reason[0]}): run `rustup toolchain install`")
    if TRIPLE not in listed.stdout.split():
        say(f"adding the {TRIPLE} target to the toolchain")
        run("rustup", "target", "add", TRIPLE)


def build() -> Path:
    toolchain()
    run("cargo", "build", "--locked", "--release", "--target", TRIPLE)
    built = CARGO_TARGET / TRIPLE / "release" / "sluice.wasm"
    TARGET.mkdir(exist_ok=True)
    if made_from(built):
        say("target/sluice.wasm is up to date")
        return WASM
    # Written beside and renamed: an Envoy that starts meanwhile sees the old module or the new, never half of one.
    handle, name = tempfile.mkstemp(dir=TARGET, suffix=".wasm")
    os.close(handle)
    fresh = Path(name)
    if shutil.which("wasm-opt"):
        run("wasm-opt", "-O3", *(f"--enable-{feature}" for feature in FEATURES), str(built), "-o", name)
        how = "optimised by wasm-opt"
    else:
        shutil.copyfile(built, fresh)
        how = "as rustc left it: wasm-opt (Debian package binaryen) would make it about 10 % faster"
    fresh.chmod(0o644)
    os.utime(fresh, ns=(built.stat().st_atime_ns, built.stat().st_mtime_ns))
    fresh.replace(WASM)
    say(f"built target/sluice.wasm, {WASM.stat().st_size / 1000:.0f} kB, {how}")
    return WASM


def made_from(built: Path) -> bool:
    """Whether target/sluice.wasm is already this module, as small as the tools at hand make it: their times agree."""
    if not WASM.exists() or WASM.stat().st_mtime_ns != built.stat().st_mtime_ns:
        return False
    return not shutil.which("wasm-opt") or WASM.stat().st_size != built.stat().st_size


if __name__ == "__main__":
    toolchain() if sys.argv[1:] == ["--toolchain"] else build()
