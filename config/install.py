"""Fill the virtual environment from the lock files. Run by `make setup`, before any package is there."""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "setup.log"
INDEX = VENV / ".torch-index"


class Size(NamedTuple):
    """In gigabytes, measured on Linux."""

    build: str
    download: float
    disk: float


CPU = Size("the CPU build of torch", 0.6, 1.9)
CUDA = Size("torch with the CUDA libraries for NVIDIA cards", 3.5, 8.0)
# What pip's log says, and what a person can do about it.
HINTS = (
    ("No space left on device", "The disk is full."),
    ("Permission denied", f"{VENV} cannot be written."),
    ("Read-only file system", f"{VENV} cannot be written."),
    ("NewConnectionError", "No package index could be reached. Is this machine on the network?"),
    ("ConnectTimeoutError", "No package index could be reached. Is this machine on the network?"),
    ("Name or service not known", "No package index could be reached. Is this machine on the network?"),
    ("Temporary failure in name resolution", "No package index could be reached. Is this machine on the network?"),
    ("ProxyError", "The proxy to the package index refuses."),
    ("(from versions: none)", "The package index does not answer, or has no build for this Python and system."),
    ("No matching distribution", "A pinned package has no build for this Python and system."),
    ("command 'gcc' failed", "A package has no ready build for this system and no compiler is here to make one."),
    ("Failed building wheel", "A package has no ready build for this system, and making one failed."),
)


def stop(line: str) -> NoReturn:
    sys.exit(f"make setup: {line}")


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="with what tests and checks need")
    parser.add_argument("--torch-index", default="", help="address of a package index to take torch from")
    arguments = parser.parse_args()
    if os.name == "nt":
        stop("Tagdesk does not run on Windows itself. Use WSL or Docker.")
    try:
        install(arguments.dev, arguments.torch_index)
    except OSError as error:
        stop(f"{error.filename or VENV} cannot be written ({error.strerror}).")


def install(dev: bool, torch_index: str) -> None:
    locks = [ROOT / "requirements.lock", *([ROOT / "requirements-dev.lock"] if dev else [])]
    other_torch = bool(torch_index) and recorded(INDEX) != torch_index
    wanting = [lock for lock in locks if recorded(stamp(lock)) != fingerprint(lock)]
    if not works():
        make_venv()
        wanting = locks
    elif other_torch:
        pip("uninstall", "--yes", "torch")
        wanting = locks
    index = torch_index or recorded(INDEX)
    if locks[0] in wanting:
        announce(index)
    for lock in wanting:
        fill(lock, index)
        stamp(lock).write_text(fingerprint(lock))
    if torch_index:
        INDEX.write_text(torch_index)


def works() -> bool:
    """Whether the environment can be used: not after its folder was moved, or the system's Python replaced."""
    try:
        moved = str(VENV) not in (VENV / "bin" / "pip").read_text()
        return not moved and subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop("Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv")
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()  # its own error is clearer than venv's
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        stop(f"the virtual environment could not be made: {(made.stdout + made.stderr).strip().splitlines()[-1]}")


def announce(index: str) -> None:
    """Say what is about to be taken and how large it is; stop where the disk has no room."""
    size = CUDA if takes_cuda(index) else CPU
    packages = len(requirements(ROOT / "requirements.lock"))
    tell(f"Setting up {VENV}: {packages} packages, with {size.build}.")
    tell(f"About {size.download} GB to download, {size.disk} GB on disk.")
    if size is CUDA:
        tell("The README says how to take the smaller CPU build instead (make setup TORCH_INDEX=...).")
    free = shutil.disk_usage(VENV).free / 1e9
    if free < size.disk:
        stop(f"the disk has {free:.1f} GB free, and about {size.disk} GB are needed.")


def takes_cuda(index: str) -> bool:
    """Ask pip which build of torch it would take."""
    torch = next(line for line in requirements(ROOT / "requirements.lock") if line.startswith("torch=="))
    asked = ["--dry-run", "--quiet", "--no-deps", "--ignore-installed", "--report", "-", *extra(index), torch]
    report: dict[str, Any] = json.loads(pip("install", *asked))
    needs = report["install"][0]["metadata"].get("requires_dist", [])
    return any(need.startswith(("nvidia-", "cuda-")) for need in needs if "darwin" not in need)


def fill(lock: Path, index: str) -> None:
    total = len(requirements(lock))
    # Compiling all of them takes longer than all the rest, and most modules are never imported.
    arguments = ["install", "--no-compile", "--requirement", str(lock), *extra(index)]
    with LOG.open("w") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "pip", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            log.write(line)
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
                done = min(done + 1, total)
                progress(f"  {done} of {total} packages")
            elif line.startswith("Installing collected packages"):
                progress("  all there; unpacking")
    progress("")
    if process.wait():
        explain(LOG.read_text())


def progress(text: str) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{text}")
        sys.stdout.flush()


def pip(*arguments: str) -> str:
    done = subprocess.run([PYTHON, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        LOG.write_text(done.stdout + done.stderr)
        explain(done.stdout + done.stderr)
    return done.stdout


def explain(log: str) -> NoReturn:
    errors = [line for line in log.splitlines() if line.startswith("ERROR: ")]
    hint = next((hint for sign, hint in HINTS if sign in log), errors[-1] if errors else "pip failed.")
    stop(f"{hint} Nothing is lost; run it again. pip's own words are in {LOG}")


def requirements(lock: Path) -> list[str]:
    return [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]


def extra(index: str) -> list[str]:
    return ["--extra-index-url", index] if index else []


def stamp(lock: Path) -> Path:
    return VENV / f".{lock.name}.installed"


def fingerprint(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def recorded(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()
