"""DICOM ECG waveforms, read and written with pydicom.

Standards: DICOM PS3.3 sections A.34.3 (12-Lead ECG), A.34.4 (General ECG) and C.10.9 (Waveform module), PS3.16 context
group 3001 (ECG leads).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError, RecordError
from ecg.formats.atomic import replacing
from ecg.formats.bounds import check_file, check_samples, decoding, shown
from ecg.formats.clock import Channel, on_one_clock
from ecg.formats.names import MDC_LEADS, lead_name, millivolts
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.record import ECGRecord

__all__ = ["open_dicom", "read_dicom", "write_dicom"]

_EXPECTED = "a DICOM ECG waveform"
#: (bits allocated, sample interpretation) -> numpy type, PS3.3 C.10.9.1.5. The companded types of audio are no ECG.
_SAMPLE_TYPES = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
    (64, "SV"): "i8",
    (64, "UV"): "u8",
}
_TWELVE_LEAD_UID = "1.2.840.10008.5.1.4.1.1.9.1.1"
_GENERAL_UID = "1.2.840.10008.5.1.4.1.1.9.1.2"
#: Bounds of the two object definitions, PS3.3 A.34.3.4 and A.34.4.4.
_TWELVE_LEAD_MAX_SAMPLES = 16384
_TWELVE_LEAD_MAX_CHANNELS = 13
_GENERAL_MAX_CHANNELS = 24
_RATES_HZ = (200.0, 1000.0)
#: Microvolts a digital unit of the files written here; the lowest 16-bit value is the padding value.
_SENSITIVITY_UV = 1.0
_PADDING = -32768
#: Acquisition time is a required attribute; this stands for "not known", so that no date is invented.
_UNKNOWN_DATE = "19000101"


def open_dicom(path: Path, stop_before_pixels: bool = False) -> Any:
    """Open a DICOM file, also one without the 128-byte preamble.

    Raises
    ------
    FormatError
        If it cannot be parsed.
    """
    import pydicom

    with decoding(path, "a DICOM file"):
        return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels, force=True)


def read_dicom(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
    """Read the ECG of a DICOM waveform object, 12-lead or general.

    A stored sample ``s`` means ``s * sensitivity * correction + baseline`` in the channel's unit: PS3.3 C.10.9 defines
    Channel Baseline (003A,0213) as the offset of encoded 0 from actual 0 *in the units of* Channel Sensitivity Units,
    and the correction factor as a multiplier of encoded values, so the baseline is added last and unscaled.

    Groups that are original recordings are put on one clock by their time offsets; derived groups (a median beat) are
    left out unless there is nothing else. Of a lead that was recorded twice the longer recording is kept. -aVR is
    stored as aVR.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        Bounds.

    Returns
    -------
    ECGRecord
        NaN where the file has its padding value. ``meta`` holds ``age`` (years) and ``sex`` where known, and
        ``ignored`` (labels of groups left out). No name, number or date is taken over.

    Raises
    ------
    FormatError
        If the file holds no waveform, is truncated, or a channel has no voltage unit.
    """
    path = check_file(path, options)
    dataset = open_dicom(path)
    with decoding(path, _EXPECTED):
        groups = list(dataset.get("WaveformSequence") or ())
        if not groups:
            raise FormatError(
                f"{shown(path.name)}: expected {_EXPECTED}, the file has no waveform; choose another file"
            )
        original = [g for g in groups if g.get("WaveformOriginality", "ORIGINAL") != "DERIVED"]
        little = dataset.original_encoding[1] is not False
        channels = [c for g in original or groups for c in _group_channels(g, little, path.name, options)]
        meta = _meta_from(dataset)
        if original:
            labels = tuple(shown(g.get("MultiplexGroupLabel", "derived")) for g in groups if g not in original)
            meta |= {"ignored": labels} if labels else {}
        return on_one_clock(_longest_of_each(channels), path.name, options, meta)


def _longest_of_each(channels: list[Channel]) -> list[Channel]:
    best: dict[str, Channel] = {}
    for channel in channels:
        kept = best.get(channel.lead)
        if kept is None or channel.samples.size / channel.fs > kept.samples.size / kept.fs:
            best[channel.lead] = channel
    return list(best.values())


def _group_channels(group: Any, little_endian: bool, name: str, options: ReadOptions) -> list[Channel]:
    stored, missing = _stored_samples(group, little_endian, name, options)
    fs = float(group.SamplingFrequency)
    if not (np.isfinite(fs) and fs > 0):
        raise FormatError(f"{shown(name)}: expected a sampling frequency in Hz, got {fs:g}; the file is damaged")
    start_s = float(group.get("MultiplexGroupTimeOffset") or 0.0) * 1e-3
    definitions = list(group.ChannelDefinitionSequence)
    if len(definitions) != stored.shape[1]:
        raise FormatError(
            f"{shown(name)}: {stored.shape[1]} channels stored and {len(definitions)} described; the file is damaged"
        )
    channels = []
    for column, definition in enumerate(definitions):
        scale, offset = _calibration(definition, name)
        samples = np.where(missing[:, column], np.nan, stored[:, column] * scale + offset)
        lead = _channel_lead(definition)
        if lead == "-aVR":
            lead, samples = "aVR", -samples
        skew_s = (
            float(definition.get("ChannelTimeSkew") or 0.0) + float(definition.get("ChannelSampleSkew") or 0.0) / fs
        )
        channels.append(Channel(lead, samples, fs, start_s + skew_s))
    return channels


def _stored_samples(
    group: Any, little_endian: bool, name: str, options: ReadOptions
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Take the stored samples [samples, channels], and where they are padding."""
    name = shown(name)
    kind = (int(group.WaveformBitsAllocated), str(group.WaveformSampleInterpretation))
    if kind not in _SAMPLE_TYPES:
        raise FormatError(
            f"{name}: samples of {kind[0]} bits, kind {shown(kind[1], 20)!r}, are not supported; convert the file"
        )
    dtype = np.dtype(_SAMPLE_TYPES[kind]).newbyteorder("<" if little_endian else ">")
    n_channels, n_samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    check_samples(float(n_channels) * n_samples, name, options)
    data = bytes(group.WaveformData)
    expected = n_channels * n_samples * dtype.itemsize
    if len(data) < expected:
        raise FormatError(
            f"{name}: expected {expected} bytes of waveform, got {len(data)}; the file is truncated, copy it again"
        )
    stored = np.frombuffer(data[:expected], dtype=dtype).reshape(n_samples, n_channels)
    padding = group.get("WaveformPaddingValue")
    missing = np.zeros(stored.shape, dtype=bool)
    if padding is not None:
        raw = padding if isinstance(padding, bytes) else int(padding).to_bytes(8, "little", signed=int(padding) < 0)
        if len(raw) >= dtype.itemsize:
            missing = stored == np.frombuffer(raw[: dtype.itemsize], dtype=dtype)[0]
    return stored.astype(np.float64), missing


def _calibration(definition: Any, name: str) -> tuple[float, float]:
    """Millivolts a digital unit, and millivolts at digital zero."""
    units = definition.get("ChannelSensitivityUnitsSequence")
    code = str(units[0].get("CodeValue", "")) if units else ""
    in_mv = millivolts(code)
    if in_mv is None or definition.get("ChannelSensitivity") is None:
        raise FormatError(
            f"{shown(name)}: expected channels calibrated in volts, got unit {shown(code) or 'none'!r}; "
            "export the recording with its sensitivity"
        )
    correction = definition.get("ChannelSensitivityCorrectionFactor")
    scale = float(definition.ChannelSensitivity) * float(1.0 if correction is None else correction)
    return scale * in_mv, float(definition.get("ChannelBaseline") or 0.0) * in_mv


def _channel_lead(definition: Any) -> str:
    """Lead of a channel by its code (MDC or SCP-ECG), else by the code's meaning, else by its label."""
    source = definition.get("ChannelSourceSequence")
    code = str(source[0].get("CodeValue", "")) if source else ""
    # SCP-ECG codes end in the lead's number: 5.6.3-9-62 is aVR.
    scp = re.fullmatch(r"5\.6\.3-9-(\d{1,3})", code)
    if scp and int(scp.group(1)) in MDC_LEADS:
        return MDC_LEADS[int(scp.group(1))]
    if lead_name(code) != code:
        return lead_name(code)
    meaning = str(source[0].get("CodeMeaning", "")) if source else ""
    return lead_name(shown(meaning or definition.get("ChannelLabel") or code))


def _meta_from(dataset: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"units": "mV"}
    age = re.fullmatch(r"(\d{3})([YMWD])", str(dataset.get("PatientAge") or ""))
    if age:
        years = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}[age.group(2)]
        meta["age"] = int(age.group(1)) * years
    if dataset.get("PatientSex") in ("M", "F"):
        meta["sex"] = str(dataset.PatientSex)
    return meta


def write_dicom(record: ECGRecord, path: str | os.PathLike[str], patient: Mapping[str, str] | None = None) -> Path:
    """Write a record as 12-Lead ECG Waveform Storage, or as General ECG where it does not fit that object.

    16-bit samples of 1 µV, missing samples as the padding value. The UIDs are derived from the content, so the same
    record gives the same file. The acquisition time, which the standard requires, is 1900-01-01 for "not known".

    Parameters
    ----------
    record : ECGRecord
        Up to 24 leads at 200 to 1000 Hz (PS3.3 A.34.3.4, A.34.4.4), within ±32.767 mV.
    path : path-like
    patient : mapping, optional
        ``name``, ``id``, ``birth_date`` (YYYYMMDD), ``sex``, ``age`` (``042Y``). Nothing about the patient is written
        unless it is given here; ``record.meta`` is not looked at.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RecordError
        If the record does not fit a DICOM ECG object.
    """
    _check_fits(record)
    path = Path(path)
    stored = np.rint(record.signal.astype(np.float64) * 1e3 / _SENSITIVITY_UV)
    if np.nanmax(np.abs(stored), initial=0.0) > -_PADDING - 1:
        raise RecordError(
            f"the record reaches {np.nanmax(np.abs(record.signal)):.3f} mV; a DICOM ECG of 1 µV a unit holds "
            "±32.767 mV: remove the offset or check the gain"
        )
    data = np.where(np.isfinite(stored), stored, _PADDING).astype("<i2").T.tobytes()
    dataset = _empty_object(record, data, patient or {})
    dataset.WaveformSequence = [_group(record, data)]
    with replacing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
    return path


def _check_fits(record: ECGRecord) -> None:
    low, high = _RATES_HZ
    if not low <= record.fs <= high:
        raise RecordError(f"a DICOM ECG is sampled at {low:g} to {high:g} Hz, got {record.fs:g} Hz; resample it first")
    if len(record.leads) > _GENERAL_MAX_CHANNELS:
        raise RecordError(
            f"a DICOM ECG holds up to {_GENERAL_MAX_CHANNELS} leads, got {len(record.leads)}; select some"
        )


def _empty_object(record: ECGRecord, data: bytes, patient: Mapping[str, str]) -> Any:
    """Everything but the waveform: the modules of PS3.3 A.34.3.3, empty where the standard allows it."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    fits = record.n_samples <= _TWELVE_LEAD_MAX_SAMPLES and len(record.leads) <= _TWELVE_LEAD_MAX_CHANNELS
    content = hashlib.sha256(data + repr((record.fs, record.leads, sorted(patient.items()))).encode()).hexdigest()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = _TWELVE_LEAD_UID if fits else _GENERAL_UID
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[content, "instance"])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[content, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[content, "series"])
    dataset.Modality = "ECG"
    dataset.Manufacturer = "Einthoven"
    for keyword in ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        setattr(dataset, keyword, "")
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.ContentDate, dataset.ContentTime = _UNKNOWN_DATE, "000000"
    dataset.AcquisitionDateTime = _UNKNOWN_DATE + "000000"
    dataset.AcquisitionContextSequence = []
    dataset.PatientName, dataset.PatientID = patient.get("name", ""), patient.get("id", "")
    dataset.PatientBirthDate, dataset.PatientSex = patient.get("birth_date", ""), patient.get("sex", "")
    if "age" in patient:
        dataset.PatientAge = patient["age"]
    return dataset


def _group(record: ECGRecord, data: bytes) -> Any:
    from pydicom.dataset import Dataset

    group = Dataset()
    group.MultiplexGroupTimeOffset = 0
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels = len(record.leads)
    group.NumberOfWaveformSamples = record.n_samples
    group.SamplingFrequency = f"{record.fs:.10g}"
    group.MultiplexGroupLabel = "RHYTHM"
    group.ChannelDefinitionSequence = [_channel(lead) for lead in record.leads]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.WaveformPaddingValue = int(_PADDING).to_bytes(2, "little", signed=True)
    group.WaveformData = data
    group["WaveformPaddingValue"].VR = group["WaveformData"].VR = "OW"
    return group


def _channel(lead: str) -> Any:
    from pydicom.dataset import Dataset

    numbers = {name: number for number, name in MDC_LEADS.items()}
    channel = Dataset()
    if lead in numbers:
        channel.ChannelSourceSequence = [_code(f"2:{numbers[lead]}", "MDC", f"Lead {lead}")]
    else:
        channel.ChannelSourceSequence = [_code("2:0", "MDC", shown(lead)[:64])]  # 2:0 is "unspecified lead"
    channel.ChannelLabel = shown(lead)[:16]
    channel.ChannelSensitivity = f"{_SENSITIVITY_UV:g}"
    channel.ChannelSensitivityUnitsSequence = [_code("uV", "UCUM", "microvolt")]
    channel.ChannelSensitivityCorrectionFactor = "1"
    channel.ChannelBaseline = "0"
    channel.ChannelSampleSkew = "0"
    channel.WaveformBitsStored = 16
    return channel


def _code(value: str, scheme: str, meaning: str) -> Any:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
