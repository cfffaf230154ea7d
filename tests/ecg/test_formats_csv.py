import numpy as np
import pytest

from ecg import LEADS, ECGRecord, FormatError
from ecg.formats import ReadOptions, read, read_csv, write_csv
from ecg.formats.csv import looks_like_table


def table(tmp_path, text, name="a.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def twelve(n=20):
    return np.random.default_rng(0).normal(size=(12, n)).round(4)


def test_round_trip_keeps_values_rate_names_and_gaps(tmp_path):
    signal = twelve(500)
    signal[4, 10:300] = np.nan
    record = ECGRecord(signal, 500, LEADS)
    path = write_csv(record, tmp_path / "sub" / "a.csv")
    assert path.read_text().splitlines()[0] == "time_s," + ",".join(LEADS)
    back = read(path)
    np.testing.assert_allclose(back.signal, record.signal, atol=1e-6)
    assert (back.fs, back.leads) == (500.0, LEADS)


@pytest.mark.parametrize("fs", [100, 250, 257, 360, 499.5, 512, 1000])
def test_any_rate_comes_back_from_the_time_column(tmp_path, fs):
    path = write_csv(ECGRecord(np.zeros((1, 2000)), fs, ("II",)), tmp_path / "a.csv")
    assert read_csv(path).fs == pytest.approx(fs, rel=1e-6)


def test_missing_samples_are_empty_fields_and_headers_are_harmless(tmp_path):
    record = ECGRecord([[0.5, np.nan], [1, 2], [3, 4]], 500, ("I", "=cmd|' /C calc'!A0", 'a,b"c'))
    lines = write_csv(record, tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "time_s,I,_cmd|_ /C calc_!A0,a_b_c"
    assert lines[2] == "0.002000,,2.000000,4.000000"


def test_numpy_reads_what_is_written(tmp_path):
    signal = twelve(50)
    path = write_csv(ECGRecord(signal, 500, LEADS), tmp_path / "a.csv")
    oracle = np.genfromtxt(path, delimiter=",", skip_header=1)
    np.testing.assert_allclose(oracle[:, 1:].T, signal, atol=1e-6)
    np.testing.assert_allclose(oracle[:, 0], np.arange(50) / 500, atol=1e-6)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separators_line_ends_and_encodings(tmp_path, delimiter, newline, encoding):
    rows = [["time_s", "I", "AVR"], ["0", "0.1", "-0.2"], ["0.002", "0.3", ""], ["0.004", "0.5", "0.6"]]
    text = newline.join(delimiter.join(row) for row in rows) + newline
    record = read(table(tmp_path, text, encoding=encoding))
    assert (record.fs, record.leads) == (500.0, ("I", "aVR"))
    np.testing.assert_allclose(record.signal, [[0.1, 0.3, 0.5], [-0.2, np.nan, 0.6]], rtol=1e-6)


def test_a_decimal_comma_is_understood_beside_semicolons(tmp_path):
    record = read(table(tmp_path, "Zeit (ms);I;II\n0,0;-0,125;1,5\n2,0;0,25;1e-1\n4,0;0;0\n"))
    assert record.fs == 500.0
    np.testing.assert_allclose(record.signal, [[-0.125, 0.25, 0], [1.5, 0.1, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("header", "step", "fs"),
    [
        ("time_s", "0.004", 250), ("t", "0.004", 250), ("time", "4", 250), ("time_ms", "1", 1000),
        ("Time [ms]", "2", 500),
        ("time (s)", "0.01", 100), ("milliseconds", "2", 500), ("seconds", "0.002", 500), ("timestamp", "0.001", 1000),
    ],
)  # fmt: skip
def test_the_unit_of_time_comes_from_the_header_or_the_step(tmp_path, header, step, fs):
    rows = "\n".join(f"{k * float(step):.3f},0.1" for k in range(30))
    assert read_csv(table(tmp_path, f"{header},II\n{rows}\n")).fs == fs


def test_without_a_header_twelve_columns_are_in_standard_order_and_this_is_said(tmp_path):
    signal = twelve()
    text = "\n".join(",".join(f"{v:.4f}" for v in row) for row in signal.T)
    record = read(table(tmp_path, text), ReadOptions(fs=500))
    np.testing.assert_allclose(record.signal, signal, atol=1e-6)
    assert record.leads == LEADS
    assert record.meta["assumed"] == ("standard lead order", "millivolts")


def test_a_thirteenth_column_that_rises_evenly_is_the_time(tmp_path):
    signal = twelve()
    text = "\n".join(",".join([f"{k / 250:.3f}", *(f"{v:.4f}" for v in row)]) for k, row in enumerate(signal.T))
    record = read(table(tmp_path, text))
    assert (record.fs, record.leads) == (250.0, LEADS)


def test_one_column_needs_a_rate_and_may_be_named(tmp_path):
    path = table(tmp_path, "0.1\n0.2\n-0.3\n")
    assert read(path, ReadOptions(fs=360)).leads == ("ECG",)
    named = read(path, ReadOptions(fs=360, leads=("V5",)))
    assert (named.leads, named.fs, named["V5"].tolist()) == (("V5",), 360.0, pytest.approx([0.1, 0.2, -0.3]))
    with pytest.raises(FormatError, match="pass --fs"):
        read(path)


def test_units_of_columns(tmp_path):
    path = table(tmp_path, "I_mV,V1 [uV],V2 (µV),aVL,V6_V\n1,1000,500,2,0.001\n2,2000,-500,3,0.002\n")
    record = read_csv(path, ReadOptions(fs=500))
    assert record.leads == ("I", "V1", "V2", "aVL", "V6")
    np.testing.assert_allclose(record.signal[:, 0], [1, 1, 0.5, 2, 1], rtol=1e-6)
    micro = read_csv(table(tmp_path, "I,II\n100,200\n300,400\n"), ReadOptions(fs=500, units="uV"))
    np.testing.assert_allclose(micro.signal[:, 0], [0.1, 0.2], rtol=1e-6)


def test_microvolts_are_not_taken_for_millivolts(tmp_path):
    rows = "\n".join(f"{v}" for v in range(-400, 400, 10))
    with pytest.raises(FormatError, match="which no ECG does; name the unit"):
        read_csv(table(tmp_path, f"II\n{rows}\n"), ReadOptions(fs=500))
    # A unit in the header is taken at its word.
    assert read_csv(table(tmp_path, f"II_mV\n{rows}\n"), ReadOptions(fs=500))["II"][0] == -400
    # An electrode offset alone is no reason: the span counts.
    offset = "\n".join(f"{300 + v / 100}" for v in range(80))
    assert read_csv(table(tmp_path, f"II\n{offset}\n"), ReadOptions(fs=500)).n_samples == 80


def test_index_columns_and_comments_are_passed_over(tmp_path):
    record = read(
        table(tmp_path, "# made by hand\n,time_s,I,sample\n0,0.000,0.5,7\n1,0.002,0.6,8\n# end\n2,0.004,0.7,9\n")
    )
    assert (record.leads, record.fs, record.n_samples) == (("I",), 500.0, 3)


def test_a_repeated_name_is_numbered(tmp_path):
    assert read(table(tmp_path, "II,II\n1,2\n2,3\n"), ReadOptions(fs=100)).leads == ("II", "II_2")


def test_the_rate_that_was_passed_must_agree_with_the_time(tmp_path):
    path = table(tmp_path, "time_s,II\n0,1\n0.002,2\n0.004,3\n")
    assert read(path, ReadOptions(fs=500)).fs == 500.0
    with pytest.raises(FormatError, match="says 500 Hz and --fs says 250 Hz"):
        read(path, ReadOptions(fs=250))


def test_counting_times_are_ambiguous_unless_the_rate_is_passed(tmp_path):
    path = table(tmp_path, "time,II\n0,1\n1,2\n2,3\n")
    with pytest.raises(FormatError, match="samples, seconds or milliseconds"):
        read(path)
    assert read(path, ReadOptions(fs=360)).fs == pytest.approx(360.0)


def test_rounded_times_are_even_and_dropped_rows_are_not(tmp_path):
    rounded = "\n".join(f"{k / 360:.3f},0" for k in range(720))
    assert read(table(tmp_path, f"time_s,II\n{rounded}\n")).fs == 360.0
    rows = [f"{k / 360:.3f},0" for k in range(720)]
    del rows[400]
    with pytest.raises(FormatError, match="uneven"):
        read(table(tmp_path, "time_s,II\n" + "\n".join(rows) + "\n"))


@pytest.mark.parametrize("times", [[0, 0.002, 0.005, 0.006], [0, 0.002, 0.001, 0.003], [0.004, 0.002, 0], [0, 0, 0]])
def test_uneven_times_are_refused(tmp_path, times):
    rows = "\n".join(f"{t},0.1" for t in times)
    with pytest.raises(FormatError, match=r"uneven|rising|steps by"):
        read(table(tmp_path, f"time_s,II\n{rows}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,I,II\n0,1,2\n0.002,1\n", "row 2 has 2 fields"),
        ("time_s,I\n0,1\n0.002,x7\n", "row 2 holds"),
        ("time_s,I\n0,1\n0.002,1_000\n", "row 2 holds"),
        ("time_s,I\n0,1\n,2\n", "a time in every"),
        ("time_s,I\n0,1\n", "at least two rows"),
        ("time_s\n0\n0.002\n", "at least one column of samples"),
        ("time_s,I\n0,\n0.002,\n", "every field is empty"),
        ("time_s,I\n0,inf\n0.002,1\n", "finite"),
        ("1,2,3\n4,5,6\n", "no header"),
        ("time_s,I\n", "samples"),
        ("I;II\n\n", "samples"),
    ],
)
def test_each_damage_has_its_own_line(tmp_path, text, message):
    options = ReadOptions(fs=None if "time" in text else 500)
    with pytest.raises(FormatError, match=message) as caught:
        read(table(tmp_path, text), options)
    assert "\n" not in str(caught.value)


def test_binary_data_under_the_name_of_a_table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(FormatError):
        read(path)
    with pytest.raises(FormatError, match="got binary data"):
        read_csv(path)


def test_prose_is_no_table():
    assert not looks_like_table("Dear colleague,\nthe ECG of 12 May was normal.\n")
    assert not looks_like_table("\n\n")
    assert looks_like_table("I,II\n1,2\n")
