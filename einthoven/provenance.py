"""Which state of the program made a result."""

from __future__ import annotations

from pathlib import Path

from einthoven.outputs import version

__all__ = ["commit"]


def commit() -> str:
    """Commit of the checkout that this program runs from, or the program's version where it is installed."""
    root = Path(__file__).resolve().parents[1]
    try:
        return _head(root / ".git")
    except (OSError, ValueError, IndexError):
        return version()


def _head(git: Path) -> str:
    """Commit that is checked out, from git's own files (gitrepository-layout(5)): no program to run."""
    if git.is_file():  # a linked worktree: "gitdir: PATH"
        git = git.parent / git.read_text(encoding="utf-8").partition(":")[2].strip()
    shared = git / "commondir"
    common = git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref: "):
        return _hash(head)
    name = head.removeprefix("ref: ")
    for folder in (git, common):
        if (folder / name).is_file():
            return _hash((folder / name).read_text(encoding="utf-8").strip())
    packed = (common / "packed-refs").read_text(encoding="utf-8").splitlines()
    return _hash(next((line.split()[0] for line in packed if line.endswith(f" {name}")), ""))


def _hash(text: str) -> str:
    if len(text) < 40 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"no commit: {text!r}")
    return text
