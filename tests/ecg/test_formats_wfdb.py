import numpy as np
import pytest
import wfdb

from ecg import LEADS, ECGRecord, FormatError, RecordError
from ecg.formats import ReadOptions, identify, read, read_wfdb, write_wfdb
from ecg.formats.wfdb_header import check_header

RNG_SEED = 3


def random_record(n=700, leads=LEADS, fs=500.0, **meta):
    signal = np.random.default_rng(RNG_SEED).normal(scale=0.7, size=(len(leads), n)).round(3)
    return ECGRecord(signal, fs, leads, meta)


def write_header(folder, text, name="rec"):
    path = folder / f"{name}.hea"
    path.write_text(text)
    return path


# --- writing, with wfdb as the oracle ---------------------------------------------------------------------------------


def test_what_is_written_reads_the_same_in_wfdb(tmp_path):
    record = random_record()
    header = write_wfdb(record, tmp_path, "a")
    oracle = wfdb.rdrecord(str(header.with_suffix("")))
    np.testing.assert_allclose(oracle.p_signal.T, record.signal, atol=5e-7)
    assert (oracle.fs, tuple(oracle.sig_name), set(oracle.fmt)) == (500, LEADS, {"16"})
    assert set(oracle.adc_gain) == {1000.0}
    assert set(oracle.units) == {"mV"}


def test_checksum_and_first_value_are_those_that_wfdb_computes(tmp_path):
    signal = np.array(random_record().signal)
    signal[3, :9] = np.nan
    header = write_wfdb(ECGRecord(signal, 250, LEADS), tmp_path, "a")
    oracle = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
    assert oracle.checksum == oracle.calc_checksum()
    assert oracle.init_value == oracle.d_signal[0].tolist()
    assert oracle.init_value[3] == -32768


def test_missing_samples_are_the_formats_missing_value(tmp_path):
    signal = np.array([[0.5, np.nan, -0.25], [np.nan, np.nan, np.nan]])
    header = write_wfdb(ECGRecord(signal, 500, ("I", "II")), tmp_path, "a")
    raw = np.frombuffer(header.with_suffix(".dat").read_bytes(), "<i2").reshape(3, 2)
    assert raw.tolist() == [[500, -32768], [-32768, -32768], [-250, -32768]]
    np.testing.assert_array_equal(np.isnan(wfdb.rdrecord(str(header.with_suffix(""))).p_signal.T), np.isnan(signal))
    np.testing.assert_allclose(read_wfdb(header).signal, signal)


def test_a_name_that_wfdb_refuses_is_mended(tmp_path):
    header = write_wfdb(random_record(), tmp_path / "new", "scan 3 (1)")
    assert header.name == "scan_3__1_.hea"
    assert wfdb.rdrecord(str(header.with_suffix(""))).record_name == "scan_3__1_"


def test_samples_beyond_16_bits_are_an_error_and_leave_no_file(tmp_path):
    with pytest.raises(RecordError, match=r"lead II reaches 32\.768 mV"):
        write_wfdb(ECGRecord([[0.0, 1.0], [0.0, -32.768]], 500, ("I", "II")), tmp_path, "a")
    assert list(tmp_path.iterdir()) == []
    edge = write_wfdb(ECGRecord([[32.767, -32.767]], 500, ("I",)), tmp_path, "a")
    np.testing.assert_allclose(read_wfdb(edge)["I"], [32.767, -32.767], rtol=1e-6)


def test_age_sex_and_comments_go_both_ways(tmp_path):
    record = random_record(age=56.0, sex="F", comments=("Dx: 426783006", "two\nlines"))
    header = write_wfdb(record, tmp_path, "a")
    back = read_wfdb(header)
    assert (back.meta["age"], back.meta["sex"]) == (56.0, "F")
    assert back.meta["comments"] == ("Sex: F", "Age: 56", "Dx: 426783006", "two lines")
    again = read_wfdb(write_wfdb(back, tmp_path, "b"))
    assert again.meta["comments"] == back.meta["comments"]
    assert wfdb.rdheader(str(header.with_suffix(""))).comments == list(back.meta["comments"])


def test_normalised_units_keep_their_name(tmp_path):
    header = write_wfdb(ECGRecord([[1.5, -2.0]], 500, ("II",), {"units": "NU"}), tmp_path, "a")
    assert wfdb.rdheader(str(header.with_suffix(""))).units == ["NU"]
    back = read_wfdb(header)
    assert back.meta["units"] == "NU"
    assert back["II"].tolist() == [1.5, -2.0]


def test_only_the_two_files_are_left(tmp_path):
    write_wfdb(random_record(), tmp_path, "a")
    write_wfdb(random_record(), tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dat", "a.hea"]


def test_fractional_rates_survive(tmp_path):
    assert read_wfdb(write_wfdb(random_record(fs=499.5), tmp_path, "a")).fs == 499.5


# --- reading, against wfdb's own writer -------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["16", "24", "32", "80", "212", "508", "516", "524"])
def test_every_format_reads_as_wfdb_reads_it(tmp_path, fmt):
    gain = 20 if fmt in ("80", "508") else 100  # 8 and 10 bits must hold the signal
    signal = np.random.default_rng(1).normal(scale=0.5, size=(300, 3)).clip(-3, 3)
    wfdb.wrsamp(
        "r",
        360,
        ["mV"] * 3,
        ["I", "II", "V1"],
        signal,
        fmt=[fmt] * 3,
        adc_gain=[gain] * 3,
        baseline=[0] * 3,
        write_dir=str(tmp_path),
    )
    oracle = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T
    got = read(tmp_path / "r.hea")
    np.testing.assert_allclose(got.signal, oracle, rtol=1e-6)
    np.testing.assert_allclose(got.signal, signal.T, atol=0.51 / gain)
    assert (got.fs, got.leads) == (360.0, ("I", "II", "V1"))


@pytest.mark.parametrize("fmt", ["16", "212", "516"])
def test_wfdbs_missing_values_become_nan(tmp_path, fmt):
    signal = np.array([[0.1, 0.2], [np.nan, 0.3], [0.4, np.nan]])
    wfdb.wrsamp(
        "r",
        250,
        ["mV"] * 2,
        ["I", "II"],
        signal,
        fmt=[fmt] * 2,
        adc_gain=[200] * 2,
        baseline=[0] * 2,
        write_dir=str(tmp_path),
    )
    np.testing.assert_array_equal(np.isnan(read_wfdb(tmp_path / "r.hea").signal), np.isnan(signal.T))


@pytest.mark.parametrize(("unit", "scale"), [("mV", 1.0), ("uV", 1e-3), ("V", 1e3), ("nV", 1e-6)])
def test_units_become_millivolts(tmp_path, unit, scale):
    wfdb.wrsamp(
        "r",
        250,
        [unit],
        ["II"],
        np.array([[5.0], [-3.0]]),
        fmt=["16"],
        adc_gain=[10.0],
        baseline=[7],
        write_dir=str(tmp_path),
    )
    np.testing.assert_allclose(read_wfdb(tmp_path / "r.hea")["II"], np.array([5, -3]) * scale, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_greek_mu_is_not_read_as_volts(tmp_path, encoding):
    (tmp_path / "r.dat").write_bytes(np.array([1000, -500], "<i2").tobytes())
    (tmp_path / "r.hea").write_bytes("r 1 500 2\nr.dat 16 1(0)/µV 16 0 1000 500 0 II\n".encode(encoding))
    assert wfdb.rdheader(str(tmp_path / "r")).units == ["V"]  # what it would be by the library alone
    np.testing.assert_allclose(read_wfdb(tmp_path / "r.hea")["II"], [1.0, -0.5])


def test_signals_of_several_rates_share_one_clock(tmp_path):
    t_fast, t_slow = np.arange(2000) / 500, np.arange(1000) / 250
    fast, slow = np.sin(2 * np.pi * 3 * t_fast), np.sin(2 * np.pi * 3 * t_slow)
    frames = np.column_stack([np.rint(1e4 * fast).reshape(1000, 2), np.rint(1e4 * slow)])
    (tmp_path / "r.dat").write_bytes(frames.astype("<i2").tobytes())
    write_header(tmp_path, "r 2 250 1000\nr.dat 16x2 10000/mV 16 0 0 0 0 I\nr.dat 16 10000/mV 16 0 0 0 0 II\n", "r")
    got = read_wfdb(tmp_path / "r.hea")
    assert (got.fs, got.n_samples) == (500.0, 2000)
    np.testing.assert_allclose(got["I"], fast, atol=1e-4)
    np.testing.assert_allclose(got["II"][100:-100], fast[100:-100], atol=2e-3)


def test_a_record_of_segments_is_joined_with_its_gap(tmp_path):
    first, last = random_record(100, ("I", "II")), random_record(50, ("I", "II"))
    write_wfdb(first, tmp_path, "s1")
    write_wfdb(last, tmp_path, "s2")
    header = write_header(tmp_path, "m/3 2 500 180\ns1 100\n~ 30\ns2 50\n", "m")
    got = read(header)
    assert got.n_samples == 180
    np.testing.assert_allclose(got.signal[:, :100], first.signal, atol=1e-6)
    assert np.isnan(got.signal[:, 100:130]).all()
    np.testing.assert_allclose(got.signal[:, 130:], last.signal, atol=1e-6)


def test_segments_may_differ_in_gain_unit_and_leads(tmp_path):
    (tmp_path / "a.dat").write_bytes(np.array([100, 200], "<i2").tobytes())
    (tmp_path / "b.dat").write_bytes(np.array([30, 7, 40, 8], "<i2").tobytes())
    write_header(tmp_path, "a 1 500 2\na.dat 16 1000/mV 16 0 0 0 0 II\n", "a")
    write_header(tmp_path, "b 2 500 2\nb.dat 16 0.1/uV 16 0 0 0 0 II\nb.dat 16 10/mV 16 0 0 0 0 V1\n", "b")
    write_header(tmp_path, "l 2 500 0\n~ 0 1/mV 0 0 0 0 0 II\n~ 0 1/mV 0 0 0 0 0 V1\n", "l")
    got = read(write_header(tmp_path, "m/3 2 500 4\nl 0\na 2\nb 2\n# Age: 40\n", "m"))
    np.testing.assert_allclose(got["II"], [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    np.testing.assert_allclose(got["V1"], [np.nan, np.nan, 0.7, 0.8], rtol=1e-6)
    assert got.meta["age"] == 40


def test_other_signals_are_left_out_and_named(tmp_path):
    wfdb.wrsamp(
        "r",
        125,
        ["mV", "mmHg"],
        ["II", "ABP"],
        np.array([[0.5, 80.0], [0.6, 81.0]]),
        fmt=["16"] * 2,
        write_dir=str(tmp_path),
    )
    got = read_wfdb(tmp_path / "r.hea")
    assert got.leads == ("II",)
    assert got.meta["ignored"] == ("ABP",)
    wfdb.wrsamp("p", 125, ["mmHg"], ["ABP"], np.array([[80.0], [81.0]]), fmt=["16"], write_dir=str(tmp_path))
    with pytest.raises(FormatError, match="signal in volts, got mmHg"):
        read_wfdb(tmp_path / "p.hea")


@pytest.mark.parametrize(
    "text",
    [
        "r 1 500 5\nr.dat 16 1000(0)/mV 16 0 -115 13047 0 II\n",
        "r 2 360.5/360.5(0) 9 10:00:00.5 01/02/1990\n\nr.dat 212 200 11 1024 995 -22 0 MLII\n#63\nr.dat 212 200 11 9\n",
        "r 1\nr.dat 80\n",
        "r 1 250 0\nr.dat 16+24 0 12 7 0 0 0 a b, c\n",
        "r 1 128 4\nr.dat 61x3:2+5 1.5e2(-3)/uV 16 9 0 0 0 12 lead\n",
        "r 2 100 4\nx-1.d 16 .5/V\nr 24 5./nV 24 1\n",
    ],
)
def test_headers_are_understood_as_wfdb_understands_them(tmp_path, text):
    oracle = wfdb.rdheader(str(write_header(tmp_path, text, "r").with_suffix("")))
    for target in oracle.file_name:
        (tmp_path / target).write_bytes(b"x")
    got = check_header(tmp_path / "r.hea", ReadOptions())
    assert (got.n_signals, got.fs, got.n_samples or 0) == (oracle.n_sig, oracle.fs, oracle.sig_len or 0)
    for k, signal in enumerate(got.signals):
        assert (signal.file, str(signal.format)) == (oracle.file_name[k], oracle.fmt[k])
        assert signal.per_frame == oracle.samps_per_frame[k]
        assert (signal.skew, signal.offset) == (oracle.skew[k] or 0, oracle.byte_offset[k] or 0)
        assert (signal.gain, signal.baseline) == (oracle.adc_gain[k], oracle.baseline[k])
        assert (signal.unit, signal.name) == (oracle.units[k], oracle.sig_name[k] or "")


def test_lead_names_are_normalised_and_repetitions_numbered(tmp_path):
    (tmp_path / "r.dat").write_bytes(bytes(40))
    names = ("AVR", "lead v3r", "ECG", "ECG")
    lines = [f"r.dat 16 1000/mV 16 0 0 0 0 {name}" for name in names]
    assert read(write_header(tmp_path, "\n".join(["r 4 500 5", *lines]), "r")).leads == ("aVR", "V3R", "ECG", "ECG_2")


@pytest.mark.parametrize("fmt", ["8", "16", "24", "32", "61", "80", "160", "212", "310", "311"])
def test_any_bytes_of_any_format_read_as_wfdb_reads_them(tmp_path, fmt):
    (tmp_path / "r.dat").write_bytes(np.random.default_rng(int(fmt)).bytes(48))
    n = {"8": 24, "80": 24, "16": 12, "61": 12, "160": 12, "24": 8, "32": 6, "212": 16, "310": 18, "311": 18}[fmt]
    lines = [f"r.dat {fmt} 5e6(3)/mV 12 0 0 0 0 {name}" for name in ("I", "II")]
    header = write_header(tmp_path, "\n".join([f"r 2 500 {n}", *lines]) + "\n", "r")
    oracle = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T
    np.testing.assert_allclose(read(header).signal, oracle, rtol=1e-6)


@pytest.mark.parametrize("name", ["a.hea", "a.dat", "a"])
def test_header_signal_file_and_bare_name_lead_to_the_record(tmp_path, name):
    write_wfdb(random_record(), tmp_path, "a")
    assert identify(tmp_path / name) == "wfdb"
    assert read(tmp_path / name).leads == LEADS


def test_a_header_may_carry_another_name_than_its_file(tmp_path):
    write_wfdb(random_record(), tmp_path, "a")
    (tmp_path / "a.hea").rename(tmp_path / "scan 3 (1).hea")
    assert read(tmp_path / "scan 3 (1).hea").n_samples == 700


@pytest.mark.parametrize(
    ("comment", "age", "sex"),
    [("Age: 63", 63.0, None), ("<age>: 69  <sex>: M  <diagnoses>: (none)", 69.0, "M"), ("Gender: Female", None, "F")],
)
def test_both_habits_of_physionet_are_understood(tmp_path, comment, age, sex):
    write_wfdb(random_record(), tmp_path, "a")
    header = tmp_path / "a.hea"
    header.write_text(header.read_text() + f"# {comment}\n")
    meta = read_wfdb(header).meta
    assert (meta.get("age"), meta.get("sex")) == (age, sex)


# --- hostile and damaged records --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["../rec.dat", "/etc/passwd", "https://example.org/x.dat", "s3://b/x", "..\\x.dat", ".."]
)
def test_a_header_points_to_nothing_outside_its_folder(tmp_path, target):
    header = write_header(tmp_path, f"rec 1 500 10\n{target} 16 1000/mV 16 0 0 0 0 II\n")
    with pytest.raises(FormatError, match="outside its own folder"):
        read(header)


@pytest.mark.parametrize("segment", ["../a", "/etc/a", "https://example.org/a"])
def test_segments_stay_in_the_folder_as_well(tmp_path, segment):
    with pytest.raises(FormatError, match="outside its own folder"):
        read(write_header(tmp_path, f"rec/1 1 500 10\n{segment} 10\n"))


def test_a_segment_that_names_its_own_master_does_not_loop(tmp_path):
    with pytest.raises(FormatError, match="multi-segment header inside another"):
        read(write_header(tmp_path, "rec/1 1 500 10\nrec 10\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rec 1 500 10\nrec.dat 16 1000/mV 16 0 0 0 0 II\n", "signal file rec.dat is missing"),
        ("rec 2 500 10\nhere.dat 16 1000/mV 16 0 0 0 0 II\n", "claims 2 signals and describes 1"),
        ("rec 999999999 500 10\nhere.dat 16 1000/mV\n", "claims 999999999 signals"),
        ("rec 1 500 99999999999\nhere.dat 516 1000/mV 16 0 0 0 0 II\n", "the header claims 99999999999"),
        ("rec 1 500 9\nhere.dat 16x999999999 1000/mV 16 0 0 0 0 II\n", "samples in all"),
        ("rec 1 500 5\nhere.dat 16:999999 1000/mV 16 0 0 0 0 II\n", "skew"),
        ("rec 1 500 5000\nhere.dat 16 1000/mV 16 0 0 0 0 II\n", "expected 5000 samples, here.dat holds 20"),
        ("rec 1 500 50\nhere.dat 24 1000/mV 24 0 0 0 0 II\n", "damaged, truncated"),
        ("rec 1 500 5\nhere.dat 77 1000/mV 16 0 0 0 0 II\n", "damaged, truncated or not supported"),
        ("rec 1 0 5\nhere.dat 16 1000/mV 16 0 0 0 0 II\n", "sampling rate in Hz, got 0"),
        ("rec 1 500 5\nhere.dat sixteen\n", "describes a signal or segment, got 'here.dat sixteen'"),
        ("rec 0 500 5\n", "claims 0 signals"),
        ("rec/2 1 500 20\ns1 10\n", "2 segments and lists 1"),
        ("rec/1 1 500 10\nnone 10\n", r"none\.hea: expected a file"),
        ("rec/1 1 500 10\nhere 99999999999\n", "samples in all"),
        ("no header at all\n", "expected a WFDB header"),
    ],
)
def test_each_damage_of_a_header_has_its_own_line(tmp_path, text, message):
    (tmp_path / "here.dat").write_bytes(bytes(40))
    with pytest.raises(FormatError, match=message) as caught:
        read(write_header(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_header_under_another_suffix_says_what_to_do(tmp_path):
    write_wfdb(random_record(), tmp_path, "a")
    (tmp_path / "a.hea").rename(tmp_path / "a.txt")
    assert identify(tmp_path / "a.txt") == "wfdb"
    with pytest.raises(FormatError, match=r"must be called NAME\.hea"):
        read(tmp_path / "a.txt")


def test_a_signal_file_without_its_header_says_what_to_do(tmp_path):
    write_wfdb(random_record(), tmp_path, "a")
    (tmp_path / "a.hea").unlink()
    with pytest.raises(FormatError, match=r"name a WFDB record by its \.hea"):
        read(tmp_path / "a.dat")


def test_an_oversized_header_is_refused(tmp_path):
    header = write_header(tmp_path, "rec 1 500 10\nhere.dat 16 1000/mV\n" + "# x\n" * 300_000)
    with pytest.raises(FormatError, match="1 MiB"):
        read(header)


def test_a_flac_file_cannot_claim_the_memory_of_the_machine(tmp_path):
    wfdb.wrsamp(
        "r",
        500,
        ["mV"],
        ["II"],
        np.zeros((90_000, 1)) + 0.5,
        fmt=["516"],
        adc_gain=[100.0],
        baseline=[0],
        write_dir=str(tmp_path),
    )
    assert (tmp_path / "r.dat").stat().st_size < 5000  # a constant compresses to nearly nothing
    with pytest.raises(FormatError, match="expected 1 to 78643 samples"):
        read(tmp_path / "r.hea", ReadOptions(max_file_mb=0.3))
