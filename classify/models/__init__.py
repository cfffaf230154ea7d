"""Every architecture, by name. Listing them loads no torch; building one does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from classify.inputs import INDEPENDENT_LEADS, InputSpec
from classify.models.entry import ModelEntry, Recipe, builder
from classify.models.page_entries import PAGE_MODELS
from ecg.errors import OptionsError
from ecg.record import LEADS

__all__ = ["MODELS", "ModelEntry", "Recipe", "find_model"]

#: IJRASET 2026: the three signal CNNs share input and training.
_FLATTEN_RECIPE = Recipe(
    optimiser="adam", lr=1e-3, weight_decay=1e-4, schedule="plateau", patience=5, epochs=50, batch=64
)
_FLATTEN_SOURCE = "IJRASET 2026, explainable detection of myocardial infarction from ECG"
#: Riek et al.: the authors' training program gives the first epoch its own rate and both classes the same share.
_BEAT_RECIPE = Recipe(
    optimiser="adamw",
    lr=1e-5,
    warm_lr=1e-3,
    weight_decay=0.1,
    schedule="constant",
    epochs=200,
    batch=128,
    balanced=True,
)
_BEAT_SOURCE = "Riek et al., IEEE Trans Biomed Eng 2025, DOI 10.1109/TBME.2025.3573581, arXiv 2405.09567"
_BEAT = InputSpec(kind="beat", fs=250, seconds=0.8, normalise="maximum")


def _published(leads: tuple[str, ...]) -> InputSpec:
    """5000 samples at 500 Hz, z-scored lead by lead; what exists at 100 Hz only is upsampled fivefold."""
    return InputSpec(kind="leads", leads=leads, fs=500, seconds=10, normalise="zscore")


#: Every architecture by its name.
MODELS: Mapping[str, ModelEntry] = MappingProxyType(
    {
        m.name: m
        for m in (
            ModelEntry(
                name="resnet1d_se",
                build=builder("resnet1d_se", "ResNet1dSE"),
                spec=InputSpec(
                    kind="paper",
                    leads=INDEPENDENT_LEADS,
                    fs=100,
                    seconds=10,
                    normalise="median",
                    presence=True,
                ),
                n_parameters=1_115_229,
                source="ours; after He 2016, Hu 2018 and Wang 2017, see its module",
                explains="blocks",
                recipe=Recipe(
                    optimiser="adamw",
                    lr=4e-3,
                    weight_decay=0.02,
                    schedule="one_cycle",
                    epochs=30,
                    batch=64,
                    crop_s=5.0,
                    mixup=0.3,
                    ema=0.999,
                ),
                ships=True,
            ),
            ModelEntry(
                name="xresnet1d101",
                build=builder("xresnet1d101", "XResNet1d101"),
                # The benchmark standardises with one mean and one deviation over all leads of the training folds: over
                # folds 1 to 8 of PTB-XL −0.0009 mV, taken as nought, and 0.2351 mV.
                spec=InputSpec(kind="leads", leads=LEADS, fs=100, seconds=10, normalise="scale", scale_mv=0.2351),
                n_parameters=1_871_745,
                source="Strodthoff et al., IEEE J Biomed Health Inform 2021;25:1519, DOI 10.1109/JBHI.2020.3022989",
                explains="blocks",
                recipe=Recipe(
                    optimiser="adamw",
                    lr=1e-2,
                    weight_decay=1e-2,
                    schedule="one_cycle",
                    epochs=50,
                    batch=128,
                    crop_s=2.5,
                    pooled="max",
                ),
            ),
            ModelEntry(
                name="lead_ii_cnn",
                build=builder("lead_ii_cnn", "LeadIICNN"),
                spec=_published(("II",)),
                n_parameters=20_532_609,
                source=_FLATTEN_SOURCE,
                explains="features",
                published_threshold=0.48,
                recipe=_FLATTEN_RECIPE,
            ),
            ModelEntry(
                name="twelve_lead_cnn",
                build=builder("twelve_lead_cnn", "TwelveLeadCNN"),
                spec=_published(LEADS),
                n_parameters=10_328_225,
                source=_FLATTEN_SOURCE,
                explains="features",
                published_threshold=0.43,
                recipe=_FLATTEN_RECIPE,
            ),
            ModelEntry(
                name="image_signal_cnn",
                build=builder("image_signal_cnn", "ImageSignalCNN"),
                spec=_published(("II",)),
                n_parameters=20_532_609,
                source=_FLATTEN_SOURCE,
                explains="features",
                published_threshold=0.91,
                recipe=_FLATTEN_RECIPE,
            ),
            ModelEntry(
                name="ecg_smart_net",
                build=builder("ecg_smart_net", "ECGSmartNet"),
                spec=_BEAT,
                n_parameters=6_991_169,
                source=_BEAT_SOURCE,
                explains="temporal",
                recipe=_BEAT_RECIPE,
            ),
            ModelEntry(
                name="resnet18",
                build=builder("resnet18", "ResNet18"),
                spec=_BEAT,
                n_parameters=11_170_753,
                source="He et al., CVPR 2016, arXiv 1512.03385; the control of Riek et al.",
                explains="body.layer4",
                recipe=_BEAT_RECIPE,
            ),
            ModelEntry(
                name="conv_bilstm_attn",
                build=builder("conv_bilstm_attn", "ConvBiLSTMAttention"),
                spec=InputSpec(
                    kind="leads", leads=LEADS, fs=100, seconds=10, normalise="scale", scale_mv=1.0, demographics=True
                ),
                n_parameters=228_433,
                source="Gupta et al., Eur Heart J Digit Health 2025, DOI 10.1093/ehjdh/ztaf125",
                explains="features",
                # The abstract gives no training: an ordinary one is chosen.
                recipe=Recipe(optimiser="adamw", lr=1e-3, weight_decay=1e-2, schedule="one_cycle", epochs=30, batch=64),
                # Youden's threshold of the publication's protocol across hospitals.
                published_threshold=0.439,
            ),
            ModelEntry(
                name="random_forest",
                build=builder("random_forest", "RandomForest"),
                spec=InputSpec(kind="features", leads=LEADS, fs=500, seconds=10, normalise="none"),
                n_parameters=0,
                source="Breiman, Mach Learn 2001;45:5; for occlusion infarction Al-Zaiti et al., Nat Med 2023;29:1804",
                explains="",
                kind="forest",
            ),
            *PAGE_MODELS,
        )
    }
)


def find_model(name: str) -> ModelEntry:
    """Architecture of a name; raises OptionsError with the known names if there is none."""
    if name not in MODELS:
        raise OptionsError(f"there is no model {name!r}; choose one of {', '.join(MODELS)}")
    return MODELS[name]
