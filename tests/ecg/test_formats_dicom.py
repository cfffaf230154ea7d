import copy

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr import codes
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian
from pydicom.waveforms import multiplex_array

from ecg import LEADS, ECGRecord, FormatError, RecordError
from ecg.formats import ReadOptions, identify, read, read_dicom, write_dicom
from ecg.formats.dicom import open_dicom
from ecg.formats.names import MDC_LEADS

ECG_FILE = get_testdata_file("waveform_ecg.dcm")


def record_of(n=500, fs=500.0, leads=LEADS):
    signal = np.random.default_rng(5).normal(scale=0.6, size=(len(leads), n))
    return ECGRecord(signal, fs, leads)


def edited(tmp_path, change, record=None):
    """A file of ours with something changed in its data set."""
    path = write_dicom(record or record_of(), tmp_path / "a.dcm")
    dataset = pydicom.dcmread(path)
    change(dataset, dataset.WaveformSequence[0])
    dataset.save_as(path)
    return path


# --- pydicom's own file -----------------------------------------------------------------------------------------------


def test_the_rhythm_of_pydicoms_file_is_read_as_pydicom_scales_it():
    record = read(ECG_FILE)
    dataset = pydicom.dcmread(ECG_FILE)
    oracle_uv = multiplex_array(dataset, 0, as_raw=False).T  # microvolts, as the file says
    np.testing.assert_allclose(record.signal, oracle_uv * 1e-3, rtol=1e-6)
    assert (record.fs, record.leads, record.n_samples) == (1000.0, LEADS, 10000)
    # The second group is a median beat: derived, so no part of the recording.
    assert record.meta["ignored"] == ("MEDIAN BEAT",)
    assert record.meta["age"] == 42
    assert record.meta["sex"] == "F"


def test_the_limb_leads_of_pydicoms_file_keep_their_algebra():
    record = read(ECG_FILE)
    residual = record["II"] - record["I"] - record["III"]
    assert np.abs(residual).max() <= 2 * 1.25e-3  # two units of 1.25 µV: each lead is rounded by itself


@pytest.mark.parametrize(("sensitivity", "correction", "baseline"), [(1.25, 1, 100), (2.5, 1.1, -37.5), (0.5, 2, 0)])
def test_the_baseline_is_added_last_and_in_the_channels_unit(tmp_path, sensitivity, correction, baseline):
    dataset = pydicom.dcmread(ECG_FILE)
    for channel in dataset.WaveformSequence[0].ChannelDefinitionSequence:
        channel.ChannelSensitivity = sensitivity
        channel.ChannelSensitivityCorrectionFactor = correction
        channel.ChannelBaseline = baseline
    dataset.save_as(tmp_path / "a.dcm")
    raw = multiplex_array(dataset, 0, as_raw=True).T.astype(float)
    got = read(tmp_path / "a.dcm").signal
    np.testing.assert_allclose(got, (raw * sensitivity * correction + baseline) * 1e-3, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(got, multiplex_array(dataset, 0, as_raw=False).T * 1e-3, rtol=1e-5, atol=1e-7)
    if baseline:  # the other order, which some readers take, is another signal
        assert np.abs(got - (raw + baseline) * sensitivity * correction * 1e-3).max() > 1e-3


def test_a_derived_group_is_read_where_there_is_nothing_else(tmp_path):
    dataset = pydicom.dcmread(ECG_FILE)
    del dataset.WaveformSequence[0]
    dataset.save_as(tmp_path / "a.dcm")
    assert read(tmp_path / "a.dcm").n_samples == 1200


# --- round trip -------------------------------------------------------------------------------------------------------


def test_round_trip_within_one_unit_and_with_gaps(tmp_path):
    signal = np.array(record_of().signal)
    signal[2, 40:90] = np.nan
    record = ECGRecord(signal, 500, LEADS)
    path = write_dicom(record, tmp_path / "sub" / "a.dcm")
    assert identify(path) == "dicom-waveform"
    back = read(path)
    np.testing.assert_array_equal(np.isnan(back.signal), np.isnan(signal))
    np.testing.assert_allclose(back.signal, record.signal, atol=0.51e-3)
    assert (back.fs, back.leads) == (500.0, LEADS)


def test_pydicom_reads_what_is_written(tmp_path):
    record = record_of()
    dataset = pydicom.dcmread(write_dicom(record, tmp_path / "a.dcm"))
    assert dataset.SOPClassUID.name == "12-lead ECG Waveform Storage"
    oracle_uv = multiplex_array(dataset, 0, as_raw=False).T
    np.testing.assert_allclose(oracle_uv, record.signal * 1e3, atol=0.51)
    sources = [c.ChannelSourceSequence[0] for c in dataset.WaveformSequence[0].ChannelDefinitionSequence]
    assert {s.CodingSchemeDesignator for s in sources} == {"MDC"}
    assert sources[3].CodeValue == codes.MDC.AvrAugmentedVoltageRight.value
    assert sources[11].CodeValue == codes.MDC.LeadV6.value


def test_the_table_of_leads_is_that_of_the_standard():
    names = {"aVR": "AvrAugmentedVoltageRight", "aVL": "AvlAugmentedVoltageLeft", "aVF": "AvfAugmentedVoltageFoot"}
    for number, lead in MDC_LEADS.items():
        keyword = "Avr" if lead == "-aVR" else names.get(lead, f"Lead{lead}")
        assert getattr(codes.MDC, keyword).value == f"2:{number}"


def test_the_same_record_gives_the_same_bytes_and_another_gives_other_uids(tmp_path):
    one, two = (write_dicom(record_of(), tmp_path / name).read_bytes() for name in ("a.dcm", "b.dcm"))
    assert one == two
    other = pydicom.dcmread(write_dicom(record_of(400), tmp_path / "c.dcm"))
    assert other.SOPInstanceUID != pydicom.dcmread(tmp_path / "a.dcm").SOPInstanceUID


def test_nothing_about_the_patient_is_written_unless_asked(tmp_path):
    record = ECGRecord(record_of().signal, 500, LEADS, {"age": 61.0, "sex": "F", "comments": ("Smith",)})
    path = write_dicom(record, tmp_path / "a.dcm")
    assert b"Smith" not in path.read_bytes()
    dataset = pydicom.dcmread(path)
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
        assert str(dataset[keyword].value or "") == ""
    assert "PatientAge" not in dataset
    asked = {"name": "Doe^Jane", "id": "7", "sex": "F", "age": "061Y", "birth_date": "19600101"}
    back = read_dicom(write_dicom(record, tmp_path / "b.dcm", asked))
    assert (back.meta["age"], back.meta["sex"]) == (61.0, "F")
    assert str(pydicom.dcmread(tmp_path / "b.dcm").PatientName) == "Doe^Jane"


def test_what_the_twelve_lead_object_cannot_hold_becomes_a_general_ecg(tmp_path):
    wide = record_of(leads=(*LEADS, "V3R", "V4R", "V7", "odd lead"))
    path = write_dicom(wide, tmp_path / "a.dcm")
    assert pydicom.dcmread(path).SOPClassUID.name == "General ECG Waveform Storage"
    assert read(path).leads == wide.leads
    long = write_dicom(record_of(16385, leads=("II",)), tmp_path / "b.dcm")
    assert pydicom.dcmread(long).SOPClassUID.name == "General ECG Waveform Storage"


def test_what_no_dicom_ecg_can_hold_is_refused(tmp_path):
    for record, message in [
        (record_of(fs=100), "200 to 1000 Hz"),
        (record_of(leads=tuple(f"E{i}" for i in range(25))), "up to 24 leads"),
        (ECGRecord([[33.0]], 500, ("I",)), "32.767 mV"),
    ]:
        with pytest.raises(RecordError, match=message):
            write_dicom(record, tmp_path / "a.dcm")
    assert list(tmp_path.iterdir()) == []


# --- variants of other writers ----------------------------------------------------------------------------------------


def test_groups_with_time_offsets_are_put_on_one_clock(tmp_path):
    def split(dataset, group):
        second = copy.deepcopy(group)
        data = np.frombuffer(group.WaveformData, "<i2").reshape(500, 2)
        for part, column, offset_ms in ((group, 0, 0), (second, 1, 400)):
            part.WaveformData = data[:, column].tobytes()
            part.NumberOfWaveformChannels = 1
            part.ChannelDefinitionSequence = [part.ChannelDefinitionSequence[column]]
            part.MultiplexGroupTimeOffset = offset_ms
        dataset.WaveformSequence.append(second)

    record = record_of(leads=("I", "V1"))
    got = read(edited(tmp_path, split, record))
    assert got.n_samples == 700
    np.testing.assert_allclose(got["I"][:500], record["I"], atol=1e-3)
    np.testing.assert_allclose(got["V1"][200:], record["V1"], atol=1e-3)
    assert np.isnan(got["V1"][:200]).all()
    assert np.isnan(got["I"][500:]).all()


def test_of_a_lead_recorded_twice_the_longer_is_kept(tmp_path):
    def add_strip(dataset, group):
        strip = copy.deepcopy(group)
        strip.NumberOfWaveformChannels, strip.NumberOfWaveformSamples = 1, 1000
        strip.ChannelDefinitionSequence = [group.ChannelDefinitionSequence[1]]
        strip.WaveformData = np.arange(1000, dtype="<i2").tobytes()
        dataset.WaveformSequence.append(strip)

    got = read(edited(tmp_path, add_strip, record_of(leads=("I", "II"))))
    assert got.leads == ("I", "II")
    np.testing.assert_allclose(got["II"], np.arange(1000) * 1e-3, atol=1e-6)


def test_minus_avr_is_stored_as_avr(tmp_path):
    def flip(dataset, group):
        group.ChannelDefinitionSequence[3].ChannelSourceSequence[0].CodeValue = "2:65"

    got = read(edited(tmp_path, flip))
    np.testing.assert_allclose(got["aVR"], -record_of()["aVR"], atol=1e-3)


def test_a_channel_that_starts_late_is_moved(tmp_path):
    def skew(dataset, group):
        group.ChannelDefinitionSequence[1].ChannelSampleSkew = 3

    got = read(edited(tmp_path, skew, record_of(leads=("I", "II"))))
    np.testing.assert_allclose(got["II"][3:], record_of(leads=("I", "II"))["II"], atol=1e-3)
    assert np.isnan(got["II"][:3]).all()


@pytest.mark.parametrize(
    ("code", "meaning", "label", "lead"),
    [
        ("MDC_ECG_LEAD_AVL", "", "", "aVL"), ("5.6.3-9-61", "", "", "III"), ("131083", "", "", "V3R"),
        ("XX", "Lead V4R", "", "V4R"), ("XX", "", "ecg v2", "V2"), ("XX", "Esophageal", "", "Esophageal"),
    ],
)  # fmt: skip
def test_leads_by_code_meaning_or_label(tmp_path, code, meaning, label, lead):
    def rename(dataset, group):
        channel = group.ChannelDefinitionSequence[0]
        channel.ChannelSourceSequence[0].CodeValue, channel.ChannelSourceSequence[0].CodeMeaning = code, meaning
        channel.ChannelLabel = label

    assert read(edited(tmp_path, rename, record_of(leads=("I",)))).leads == (lead,)


@pytest.mark.parametrize(
    ("bits", "kind", "dtype"),
    [(8, "SB", "i1"), (8, "UB", "u1"), (16, "US", "<u2"), (32, "SL", "<i4"), (64, "SV", "<i8")],
)
def test_other_sample_types(tmp_path, bits, kind, dtype):
    values = np.array([1, 2, 100, 3], dtype)

    def retype(dataset, group):
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = bits, kind
        group.NumberOfWaveformSamples = 4
        group.WaveformData, group.WaveformPaddingValue = values.tobytes(), values[1:2].tobytes().ljust(2, b"\x00")

    got = read(edited(tmp_path, retype, record_of(leads=("I",))))["I"]
    np.testing.assert_allclose(got, [1e-3, np.nan, 0.1, 3e-3], rtol=1e-6)


def test_big_endian_files(tmp_path):
    record = record_of()
    dataset = pydicom.dcmread(write_dicom(record, tmp_path / "a.dcm"))
    group = dataset.WaveformSequence[0]
    group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    group.WaveformPaddingValue = group.WaveformPaddingValue[::-1]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(tmp_path / "b.dcm", dataset, little_endian=False, implicit_vr=False)
    np.testing.assert_allclose(read(tmp_path / "b.dcm").signal, record.signal, atol=1e-3)


def drop_waveform(dataset, group):
    dataset.WaveformSequence = []


def cut_data(dataset, group):
    group.WaveformData = group.WaveformData[:100]


def drop_unit(dataset, group):
    del group.ChannelDefinitionSequence[0].ChannelSensitivityUnitsSequence


def pressure_unit(dataset, group):
    group.ChannelDefinitionSequence[0].ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"


def claim_samples(dataset, group):
    group.NumberOfWaveformSamples = 2**31


def claim_channels(dataset, group):
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 10, 600


def companded(dataset, group):
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 8, "MB"


def no_rate(dataset, group):
    group.SamplingFrequency = "0"


def far_offset(dataset, group):
    second = copy.deepcopy(group)
    second.MultiplexGroupTimeOffset = "1e12"
    for channel in second.ChannelDefinitionSequence:
        channel.ChannelSourceSequence[0].CodeValue = "2:9"
    dataset.WaveformSequence.append(second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_waveform, "no waveform"),
        (cut_data, "got 100; the file is truncated"),
        (drop_unit, "got unit 'none'"),
        (pressure_unit, r"got unit 'mm\[Hg\]'"),
        (claim_samples, "the header claims"),
        (claim_channels, "10 channels stored and 12 described"),
        (companded, "kind 'MB', are not supported"),
        (no_rate, "sampling frequency"),
        (far_offset, "the header claims"),
    ],
)
def test_each_damage_has_its_own_line(tmp_path, change, message):
    with pytest.raises(FormatError, match=message) as caught:
        read(edited(tmp_path, change))
    assert "\n" not in str(caught.value)


def test_a_dicom_file_without_ecg_or_picture_is_named(tmp_path):
    with pytest.raises(FormatError, match="another object"):
        read(get_testdata_file("rtplan.dcm"))


def test_a_file_without_the_preamble_is_recognised(tmp_path):
    raw = write_dicom(record_of(), tmp_path / "a.dcm").read_bytes()
    (tmp_path / "b.bin").write_bytes(raw[132:])
    np.testing.assert_allclose(read(tmp_path / "b.bin").signal, record_of().signal, atol=1e-3)


# --- pictures ---------------------------------------------------------------------------------------------------------


def capture(tmp_path, pixels, photometric, bits=8, signed=0, **extra):
    """A secondary capture of the given stored samples [H, W] or [frames, H, W] or [H, W, 3]."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    colour = pixels.shape[-1] == 3 and pixels.ndim == 3
    frames = 1 if pixels.ndim == 2 or colour else len(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3 if colour else 1, photometric
    if colour:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, signed
    dataset.PixelData = pixels.tobytes() + b"\x00" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    for keyword, value in extra.items():
        setattr(dataset, keyword, value)
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def test_rgb_and_both_kinds_of_grey(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    (page,) = read(capture(tmp_path, colour, "RGB"))
    np.testing.assert_array_equal(page.image, colour)
    (page,) = read(capture(tmp_path, GREY, "MONOCHROME2"))
    np.testing.assert_array_equal(page.image, np.repeat(GREY[..., None], 3, 2))
    (page,) = read(capture(tmp_path, GREY, "MONOCHROME1"))
    np.testing.assert_array_equal(page.image[..., 0], 255 - GREY)


@pytest.mark.parametrize(("bits", "signed"), [(10, 0), (12, 0), (16, 0), (16, 1)])
def test_deeper_samples_are_scaled_by_the_bits_stored(tmp_path, bits, signed):
    full = 2**bits - 1
    stored = np.array([[0, full // 2, full]], dtype=np.int64) - (2 ** (bits - 1) if signed else 0)
    (page,) = read(capture(tmp_path, stored.astype("<i2" if signed else "<u2"), "MONOCHROME2", bits, signed))
    assert page.image[0, :, 0].tolist() == [0, 127, 255]


def test_frames_are_pages(tmp_path):
    pages = list(read(capture(tmp_path, np.stack([GREY, 255 - GREY]), "MONOCHROME2")))
    assert [page.source for page in pages] == ["a.dcm#page=1", "a.dcm#page=2"]
    np.testing.assert_array_equal(pages[1].image[..., 2], 255 - GREY)


def test_the_resolution_comes_from_the_pixel_spacing(tmp_path):
    (page,) = read(capture(tmp_path, GREY, "MONOCHROME2", NominalScannedPixelSpacing=[0.127, 0.127]))
    assert page.dpi == pytest.approx(200.0)
    (page,) = read(capture(tmp_path, GREY, "MONOCHROME2", PixelSpacing=[0.1, 0.2]))
    assert page.dpi is None
    (page,) = read(capture(tmp_path, GREY, "MONOCHROME2"))
    assert page.dpi is None


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_rle.dcm", "SC_rgb_gdcm_KY.dcm"]
)
def test_compressed_captures_of_one_scene_look_alike(name):
    path = get_testdata_file(name)
    (page,) = read(path)
    (plain,) = read(get_testdata_file("SC_rgb_rle.dcm"))
    assert np.abs(page.image.astype(int) - plain.image).mean() < 3


def test_palettes_are_resolved():
    path = get_testdata_file("examples_palette.dcm")
    (page,) = read(path)
    dataset = pydicom.dcmread(path)
    red = np.frombuffer(dataset.RedPaletteColorLookupTableData, "<u2")[dataset.pixel_array]
    assert np.abs(page.image[..., 0].astype(float) - red / 257).max() <= 0.5


def test_bounds_and_damage_of_pictures(tmp_path):
    path = capture(tmp_path, GREY, "MONOCHROME2")
    with pytest.raises(FormatError, match="megapixels allowed"):
        read(path, ReadOptions(max_megapixels=1e-6))
    dataset = pydicom.dcmread(path)
    dataset.Rows = dataset.Columns = 60000
    dataset.save_as(path)
    with pytest.raises(FormatError, match="60000 x 60000"):
        read(path)
    dataset.Rows = dataset.Columns = 100
    dataset.save_as(path)
    with pytest.raises(FormatError, match="damaged, truncated"):
        list(read(path))
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(FormatError, match="no pixels"):
        read(path)


@pytest.mark.filterwarnings("ignore")  # pydicom warns about the missing end
def test_what_is_no_dicom_file_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(128) + b"DICM" + b"\xff" * 50)
    with pytest.raises(FormatError):
        read(path)
    assert open_dicom(ECG_FILE, stop_before_pixels=True).Modality == "ECG"
