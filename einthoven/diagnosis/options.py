"""What may be asked of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from digitize.options import DigitizeOptions
from ecg.formats.options import ReadOptions

if TYPE_CHECKING:
    from classify.predict import ClassifyOptions

__all__ = ["DiagnoseOptions", "published_threshold"]

#: Operating points of the published systems (`classify.protocols.PUBLISHED_THRESHOLDS`), by what they read.
_PUBLISHED = {"strip": "published_image", "lead": "published_lead_ii", "leads": "published_12_lead"}


@dataclass(frozen=True, kw_only=True)
class DiagnoseOptions:
    """What is asked.

    Parameters
    ----------
    tasks : tuple of str
        Questions to the models, the first of which gives the headline. Empty: ``superclass`` and ``mi_sttc``, for a
        page also ``four_class``; by the published route ``mi_sttc`` alone, the question that those networks answer.
    model, route, age, sex, threshold
        As for `classify.predict.ClassifyOptions`. By the published route ``"card"`` stands for the published operating
        point of the kind of input: 0.48 for one lead, 0.43 for several, 0.91 for the strip of a page.
    explain : bool
        Whether the answer is explained.
    method : str
        Attribution method; empty for the one that suits the model.
    digitize : DigitizeOptions
        What a person says about a page.
    reading : ReadOptions
        Bounds on files; the sampling rate of a CSV file without a time column.

    Raises
    ------
    OptionsError
        If one of them is unknown or outside its range.
    """

    tasks: tuple[str, ...] = ()
    model: str = "default"
    route: Literal["best", "published"] = "best"
    age: float | None = None
    sex: Literal["M", "F"] | None = None
    threshold: str = "card"
    explain: bool = True
    method: str = ""
    digitize: DigitizeOptions = field(default_factory=DigitizeOptions)
    reading: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        for task in self.tasks or ("superclass",):
            self.question(task)

    def questions(self, page: bool) -> tuple[str, ...]:
        """Tasks to ask of a page or of a record."""
        if self.tasks:
            return self.tasks
        if self.route == "published":
            return ("mi_sttc",)
        return ("superclass", "mi_sttc", "four_class") if page else ("superclass", "mi_sttc")

    def question(self, task: str) -> ClassifyOptions:
        """Options of the classifier for one task."""
        from classify.predict import ClassifyOptions

        return ClassifyOptions(
            task=task, model=self.model, route=self.route, age=self.age, sex=self.sex, threshold=self.threshold
        )


def published_threshold(n_leads: int, page: bool) -> str:
    """Name of the operating point that the published systems use for this kind of input.

    Parameters
    ----------
    n_leads : int
    page : bool

    Returns
    -------
    str

    Examples
    --------
    >>> published_threshold(1, page=False), published_threshold(12, page=False), published_threshold(1, page=True)
    ('published_lead_ii', 'published_12_lead', 'published_image')
    """
    return _PUBLISHED["strip" if page else "lead" if n_leads == 1 else "leads"]
