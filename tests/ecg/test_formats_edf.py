import numpy as np
import pyedflib
import pytest

from ecg import FormatError
from ecg.formats import ReadOptions, identify, read


def write_edf(path, signals, kind=pyedflib.FILETYPE_EDFPLUS, **patient):
    """EDF file of (label, unit, rate, samples) with the physical range that the samples need."""
    writer = pyedflib.EdfWriter(str(path), len(signals), file_type=kind)
    bits = 24 if kind in (pyedflib.FILETYPE_BDF, pyedflib.FILETYPE_BDFPLUS) else 16
    for i, (label, unit, rate, samples) in enumerate(signals):
        top = float(np.ceil(np.abs(samples).max())) or 1.0
        writer.setSignalHeader(
            i,
            {
                "label": label, "dimension": unit, "sample_frequency": rate, "physical_min": -top, "physical_max": top,
                "digital_min": -(2 ** (bits - 1)), "digital_max": 2 ** (bits - 1) - 1, "transducer": "",
                "prefilter": "",
            },
        )  # fmt: skip
    for name, value in patient.items():
        getattr(writer, f"set{name}")(value)
    writer.writeSamples([np.asarray(samples, float) for *_, samples in signals])
    writer.close()
    return path


def sine(rate, seconds=10, hz=3.0):
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("kind", [pyedflib.FILETYPE_EDF, pyedflib.FILETYPE_EDFPLUS, pyedflib.FILETYPE_BDF])
def test_leads_are_read_as_pyedflib_scales_them(tmp_path, kind):
    path = write_edf(
        tmp_path / "a.edf", [("ECG II", "uV", 500, 900 * sine(500)), ("V1", "mV", 500, sine(500, hz=2))], kind
    )
    assert identify(path) == "edf"
    record = read(path)
    assert (record.fs, record.leads) == (500.0, ("II", "V1"))
    with pyedflib.EdfReader(str(path)) as oracle:
        np.testing.assert_allclose(record["II"], oracle.readSignal(0) * 1e-3, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(record["V1"], oracle.readSignal(1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(record["II"], 0.9 * sine(500), atol=5e-5)


def test_slower_leads_are_brought_to_the_highest_rate(tmp_path):
    record = read(write_edf(tmp_path / "a.edf", [("I", "mV", 250, sine(250)), ("II", "mV", 500, sine(500))]))
    assert (record.fs, record.n_samples) == (500.0, 5000)
    np.testing.assert_allclose(record["I"][200:-200], sine(500)[200:-200], atol=2e-3)


def test_other_signals_are_left_out_and_named(tmp_path):
    signals = [
        ("EEG Fpz-Cz", "uV", 100, sine(100)),
        ("EKG", "uV", 500, sine(500)),
        ("SaO2", "%", 1, 97 + 0 * sine(1)),
        ("V9", "%", 500, sine(500)),
    ]
    record = read(write_edf(tmp_path / "a.edf", signals, Sex="Female", PatientName="Jane"))
    assert record.leads == ("EKG",)
    assert record.meta["ignored"] == ("EEG Fpz-Cz", "SaO2", "V9")
    assert record.meta["sex"] == "F"
    assert "Jane" not in repr(dict(record.meta))


def test_a_file_without_ecg_says_what_it_holds(tmp_path):
    with pytest.raises(FormatError, match="EEG Cz"):
        read(write_edf(tmp_path / "a.edf", [("EEG Cz", "uV", 100, sine(100))]))


def test_a_cut_file_is_refused_in_silence(tmp_path, capfd):
    path = write_edf(tmp_path / "a.edf", [("II", "mV", 500, sine(500))])
    whole = path.read_bytes()
    for size in (8, 200, 256, 300, 600, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"a\.edf"):
            read(path)
    path.write_bytes(whole + b"more")
    with pytest.raises(FormatError, match="by its header"):
        read(path)
    assert capfd.readouterr().out == ""  # the library prints the sizes by itself


def test_the_length_is_bounded(tmp_path):
    path = write_edf(tmp_path / "a.edf", [("II", "mV", 500, sine(500, 40))], pyedflib.FILETYPE_EDF)
    with pytest.raises(FormatError, match="MiB allowed"):
        read(path, ReadOptions(max_file_mb=0.01))
    with pytest.raises(FormatError, match="samples in all"):
        read(path, ReadOptions(max_file_mb=0.05))
