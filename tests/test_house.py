"""The rules of the house: what imports what, what it costs, what the documents claim, and that the wheel works."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ecg", "synth", "digitize", "classify", "explain", "einthoven")
HEAVY = ("scipy", "cv2", "torch", "pandas", "matplotlib", "wfdb", "pydicom", "onnxruntime", "numba", "skimage", "PIL")


def python(code: str, cwd: Path = ROOT) -> str:
    """Output of code in a fresh interpreter."""
    result = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def loaded_by(code: str) -> set[str]:
    """Top-level packages in memory after running code in a fresh interpreter."""
    listing = "import sys, json; sys.stdout.write(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    return set(json.loads(python(f"{code}\n{listing}")))


def sources() -> list[Path]:
    return sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def test_imports_point_to_the_left_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import einthoven", ()),
        ("import ecg", ()),
        ("import synth", ()),
        ("import einthoven.cli", ()),
        ("import ecg.fidelity, ecg.options, digitize.options, digitize.result", ()),
    ],
)
def test_importing_costs_little(code: str, allowed: tuple[str, ...]) -> None:
    assert loaded_by(code) & set(HEAVY) <= set(allowed)


def test_the_public_face_loads_nothing_before_it_is_used() -> None:
    assert "numpy" not in loaded_by("import einthoven")


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    code = "from einthoven.cli import main\nimport contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n"
    loaded = loaded_by(f"{code}    main(['--help']); main(['digitize', '--help'])")
    assert not loaded & {*HEAVY, "numpy"} - {"numpy"}


def test_the_public_face_names_what_exists() -> None:
    import einthoven

    for name in einthoven.__all__:
        assert callable(getattr(einthoven, name))
        assert name in dir(einthoven)
    with pytest.raises(AttributeError, match="it has Prediction, classify, diagnose, digitize"):
        _ = einthoven.diagnosed


_FORBIDDEN = {
    ("print",): "prints",
    ("warnings", "filterwarnings"): "filters warnings",
    ("warnings", "simplefilter"): "filters warnings",
    ("logging", "basicConfig"): "configures logging",
    ("os", "chdir"): "changes directory",
    ("np", "random", "seed"): "seeds globals",
    ("random", "seed"): "seeds globals",
    ("torch", "manual_seed"): "seeds globals",
    ("pickle", "load"): "unpickles",
    ("pickle", "loads"): "unpickles",
}
#: `python -m` programs: their words and their seed are the process's own. (`catch_warnings` restores the filters on
#: leaving, so a filter set inside it is no global state either.)
_PROGRAMS = {"train.py", "training.py"}


def dotted(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Attribute):
        return (*dotted(node.value), node.attr)
    return (node.id,) if isinstance(node, ast.Name) else ()


def test_the_library_neither_prints_nor_changes_the_process() -> None:
    found = []
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        scoped = {
            id(inner)
            for block in ast.walk(tree)
            if isinstance(block, ast.With) and any("catch_warnings" in ast.dump(i) for i in block.items)
            for inner in ast.walk(block)
        }
        for node in ast.walk(tree):
            fault = _FORBIDDEN.get(dotted(node.func)) if isinstance(node, ast.Call) else None
            excused = (fault == "filters warnings" and id(node) in scoped) or (
                fault in ("prints", "seeds globals") and path.name in _PROGRAMS
            )
            if fault and not excused:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {fault}")
    assert not found


def test_functions_and_modules_stay_short() -> None:
    found = []
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 400:
            found.append(f"{path.relative_to(ROOT)} has {len(text.splitlines())} lines")
        for function in functions(ast.parse(text)):
            if any("njit" in ast.dump(d) for d in function.decorator_list):
                continue  # a compiled loop: numba pays for every call that is split off it
            documented = ast.get_docstring(function) is not None
            first = function.body[1] if documented and len(function.body) > 1 else function.body[0]
            length = (first.lineno - function.lineno if not documented else 1) + function.end_lineno - first.lineno + 1
            if length > 40:
                found.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name} has {length} lines")
    assert not found


def test_every_package_is_listed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    there = {
        ".".join(p.parent.relative_to(ROOT).parts) for name in PACKAGES for p in (ROOT / name).rglob("__init__.py")
    }
    assert listed == there


def test_test_files_have_names_of_their_own() -> None:
    names = [p.name for p in (ROOT / "tests").rglob("*.py") if p.name != "conftest.py"]
    assert len(names) == len(set(names))


def test_the_tables_are_those_of_the_results() -> None:
    from benchmarks import tables

    for file, name, render in tables.BLOCKS:
        text = (ROOT / file).read_text(encoding="utf-8")
        new = tables.replaced(text, name, render(tables.load_results()))
        assert new == text, f"{file} is out of date: run python -m benchmarks.tables"


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_links_of_the_documents_lead_somewhere() -> None:
    missing = [
        f"{document.name}: {target}"
        for document in documents()
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not missing


def options_of(*command: str) -> set[str]:
    code = f"from einthoven.cli import main; main([{', '.join(map(repr, (*command, '--help')))}])"
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", python(code).split("Examples:")[0])) - {"--help", "--out"}


@pytest.mark.parametrize(
    "command",
    [
        "digitize",
        "synth",
        "info",
        "demo",
        "bench fidelity",
        "classify",
        "diagnose",
        "train",
        "evaluate",
        "explain",
        "batch",
        "serve",
    ],
)
def test_the_options_of_each_command_are_those_of_its_document(command: str) -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {command}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section is not None
    assert set(re.findall(r"^\| `(--[a-z-]+)`", section[1], re.M)) == options_of(*command.split())


def test_the_keys_of_the_json_are_those_of_its_document() -> None:
    import numpy as np

    from digitize.result import Digitization
    from ecg.page import Page
    from einthoven.outputs import digitization_document

    d = Digitization(None, Page(np.zeros((2, 2, 3), np.uint8)), "refused")
    content = digitization_document(d, source="s", page=1, stem="s", method="auto", files=())
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    rows = re.search(r"schema `einthoven.digitization`:\n\n(.*?)\n\n", text, re.S)
    assert rows is not None
    documented = {key for cell in re.findall(r"^\| ([^|]+) \|", rows[1], re.M) for key in re.findall(r"`(\w+)`", cell)}
    assert documented == set(content) - {"schema", "version"}


def test_the_documents_name_every_layout_and_one_version() -> None:
    from ecg import LAYOUTS
    from einthoven.outputs import version

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in LAYOUTS if f"{name}" not in readme] == []
    assert f"\nversion: {version()}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_check_of_everything_ends_with_the_readme_s_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("\npytest")
    assert "\n    pytest\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_is_small() -> None:
    for picture in (ROOT / "docs/images").glob("*"):
        assert picture.stat().st_size < 300_000


def readme_code() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel built from a copy of the sources, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("sources")
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("wheel")
    # The build back end of this environment is used: no index is asked.
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(out), str(copy)]
    result = subprocess.run([sys.executable, *build], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_packages_weights_and_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {str(p.relative_to(ROOT)) for p in sources()}
    tracked = subprocess.run(
        ["git", "ls-files", *(f"{p}/" for p in PACKAGES)], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    weights = {n for n in tracked if "/weights/" in n and not n.endswith(".py")}
    assert expected | weights <= names
    assert {f"{p}/py.typed" for p in PACKAGES} <= names
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/"))]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment that holds the wheel; its dependencies are lent by this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A folder named in a .pth file lends its packages, but its own .pth files, and with them an editable install of
    # this project, are not followed.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    target = ["--python", str(scripts / "python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    result = subprocess.run([sys.executable, "-m", "pip", *target], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return scripts


def test_the_installed_demo_and_the_readme_s_code_run_in_another_directory(installed: Path, tmp_path: Path) -> None:
    """The two first things a reader of the README does, from the wheel alone."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "EINTHOVEN_DATA")}
    run = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "check": False}
    where = subprocess.run(
        [installed / "python", "-c", "import digitize, ecg, einthoven as e; print(e.__file__)"], **run
    )
    assert str(installed.parent) in where.stdout, "the wheel is what is tested"
    demo = subprocess.run([installed / "einthoven", "demo"], **run)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    fidelity = json.loads((tmp_path / "demo/demo_fidelity.json").read_text(encoding="utf-8"))
    # Readings of such a page reach 18 to 20 dB; half the amplitude as noise would be 6.
    assert fidelity["median_snr_db"] > 12, demo.stdout
    wanted = {
        "demo.png",
        "demo.hea",
        "demo.dat",
        "demo.json",
        "demo_overlay.png",
        "demo_truth.hea",
        "demo_fidelity.json",
    }
    assert wanted <= {p.name for p in (tmp_path / "demo").iterdir()}
    code = subprocess.run([installed / "python", "-c", readme_code()], **run)
    assert code.returncode == 0, code.stderr
    assert code.stdout.split()[:2] == ["accepted", "3x4+1"]
