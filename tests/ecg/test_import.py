import subprocess
import sys

HEAVY = ("cv2", "torch", "scipy", "pandas", "matplotlib", "wfdb", "PIL", "pydicom", "pypdfium2", "pyedflib", "skimage")


def test_import_ecg_loads_numpy_and_nothing_heavier():
    program = (
        "import sys, ecg, ecg.formats, ecg.datasets; "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules]); assert 'numpy' in sys.modules"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
    assert answer.stderr == ""
