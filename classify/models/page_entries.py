"""What the registry says of the classifiers of pages: networks that see the picture, trees that see what was read."""

from __future__ import annotations

from classify.inputs import InputSpec
from classify.models.entry import ModelEntry, Recipe, builder
from ecg.record import LEADS

__all__ = ["PAGE_MODELS"]

#: Gandham et al.: 224x224 RGB as ImageNet's networks take it, Adam, 50 epochs, stopped early on validation loss,
#: classes weighed by inverse frequency, no augmentation. How long it waits is not told: 10 epochs are chosen.
_RECIPE = Recipe(
    optimiser="adam",
    lr=1e-4,
    weight_decay=1e-5,
    schedule="constant",
    epochs=50,
    batch=32,
    patience=10,
    weigh_classes=True,
    keep="loss",
)
_SPEC = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(3, 224, 224), fit="stretch")
_SOURCE = "Gandham et al., ECG image classification by EfficientNet-B0 with multi-scale attention; "


def _entry(
    name: str, class_name: str, n_parameters: int, explains: str, source: str, ships: bool = False
) -> ModelEntry:
    return ModelEntry(
        name=name,
        build=builder(name, class_name),
        spec=_SPEC,
        n_parameters=n_parameters,
        source=_SOURCE + source,
        explains=explains,
        recipe=_RECIPE,
        ships=ships,
    )


#: The published image classifier, its two rivals and its five baselines; trees of our own.
PAGE_MODELS = (
    _entry(
        "efficientnet_b0_msa",
        "EfficientNetB0MSA",
        2_968_272,
        "fused",
        "body: Tan & Le, ICML 2019, arXiv 1905.11946",
        ships=True,
    ),
    _entry("densenet121_bottleneck", "DenseNet121Bottleneck", 9_577_857, "after", "body: arXiv 1608.06993"),
    _entry(
        "densenet121_se", "DenseNet121SE", 7_087_041, "after", "body: arXiv 1608.06993, attention: arXiv 1709.01507"
    ),
    _entry("baseline_cnn", "BaselineCNN", 99_745, "features", "its baseline of three blocks"),
    _entry("mobilenet", "MobileNet", 2_225_153, "body.bn2", "Sandler et al., CVPR 2018, arXiv 1801.04381"),
    _entry("resnet50", "ResNet50", 23_510_081, "body.layer4", "He et al., CVPR 2016, arXiv 1512.03385"),
    _entry("densenet121", "DenseNet121", 6_954_881, "body.features", "Huang et al., CVPR 2017, arXiv 1608.06993"),
    _entry("convnext_tiny", "ConvNeXtTiny", 27_820_897, "body.stages", "Liu et al., CVPR 2022, arXiv 2201.03545"),
    ModelEntry(
        name="page_trees",
        build=builder("page_trees", "PageTrees"),
        # Pages are kept at 100 Hz; the networks of signals see no more.
        spec=InputSpec(kind="patterns", leads=LEADS, fs=100, seconds=10, normalise="none"),
        n_parameters=0,
        source="Geurts et al., Mach Learn 2006;63:3, over patterns read from the digitized page",
        explains="",
        kind="forest",
        ships=True,
    ),
)
