"""The recipe that is being written, what the pre-flight says of it, and starting it. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.feed import JobRow, under_way
from desktop.language import filled, tr
from desktop.pages.merge.recipe_form import Form, form_of, yaml_of, yaml_of_document
from desktop.problem import Problem, problem_of
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.ways import in_the_window
from desktop.words import told
from engine.errors import BakeoffError, Words
from engine.merging.spec import USUAL_THREADS, MergeSpec
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.merging import Recipe
    from engine.merging.forecast import Forecast
    from engine.models.families import Member

#: Milliseconds without a change before a recipe is looked at.
_PAUSE: Final = 350
#: Merges under way that are shown.
_JOBS: Final = 3


@dataclass(frozen=True)
class Said:
    """A finding in the window's language.

    Attributes:
        severity: ``error`` or ``warning``.
        fix: What a person can do about it.
        remedies: What the page can do about it: words for a button, and the recipe's text afterwards.
    """

    severity: str
    message: str
    fix: str = ""
    remedies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Checked:
    """What the pre-flight says.

    Attributes:
        findings: Errors and warnings.
        facts: Method, layers, tensors, bytes ... where there is a plan.
        forecast: What it will take, where there is a plan.
    """

    ok: bool
    findings: tuple[Said, ...]
    facts: dict[str, Any] = field(default_factory=dict, hash=False)
    forecast: Forecast | None = None

    @property
    def errors(self) -> list[Said]:
        """What is in the way."""
        return [one for one in self.findings if one.severity == "error"]

    @property
    def warnings(self) -> list[Said]:
        """What should be known."""
        return [one for one in self.findings if one.severity == "warning"]


@dataclass(frozen=True)
class MergeState:
    """What the page shows beside the recipe.

    Attributes:
        models: Newest first.
        pair: The two that are most worth merging, the stronger one first.
        presets: Names of recipes that ship with Bakeoff.
        jobs: Merges that are not over, and the last one if it failed.
    """

    models: tuple[Member, ...] = ()
    pair: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
    jobs: tuple[JobRow, ...] = ()


class MergeModel(ViewModel[MergeState]):
    """Keeps form and text of a recipe saying the same, and has it checked."""

    #: Form, text or what is said of them is another.
    drafted = Signal()
    #: What somebody has typed was replaced; carries it.
    replaced = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, MergeState(), parent)
        #: Tensors at a time.
        self.threads = USUAL_THREADS
        #: None where the text says what a form cannot.
        self.form: Form | None = Form()
        self.text = ""
        #: Why the text is no recipe, and the line that is to blame, from 1; 0 where it is none.
        self.fault: Problem | None = None
        self.fault_line = 0
        #: None while it is looked at.
        self.checked: Checked | None = None
        #: Whether the text was typed, and would not come back by itself.
        self._typed = False
        self._number = 0
        self._timer = QTimer(self, singleShot=True, interval=_PAUSE)
        self._timer.timeout.connect(self._check)

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self.refresh)
            if self.looking:  # it was left before anybody looked
                self._timer.start()
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self.refresh)
        self._timer.stop()
        super().hide()

    def use(self, state: MergeState) -> None:
        """See `ViewModel`."""
        others = self.loaded and state.models != self.state.models
        super().use(state)
        if others and self.text and self.fault is None:
            self._changed()

    @property
    def looking(self) -> bool:
        """Whether the pre-flight of what is written is still to come."""
        return bool(self.text) and self.fault is None and self.checked is None

    def read(self) -> Callable[[], MergeState]:
        """See `ViewModel`."""
        workspace = self.services.workspace
        jobs = under_way(self.services.feed.jobs, "merge", _JOBS)

        def read() -> MergeState:
            from engine.merging.presets import preset_names
            from engine.models.families import members
            from engine.studies.strongest_pair import strongest_pair

            return MergeState(
                tuple(members(workspace)), strongest_pair(workspace), tuple(preset_names()), jobs
            )

        return read

    def use_threads(self, number: int) -> None:
        """Make so many tensors at a time; the forecast follows."""
        if number != self.threads:
            self.threads = number
            self._changed()

    def use_form(self, form: Form) -> None:
        """Take over a change of the form; the text follows."""
        typed = self.text if self._typed else ""
        self._typed = False
        self.form, self.text, self.fault, self.fault_line = (
            form,
            yaml_of(form) if form.models else "",
            None,
            0,
        )
        self._changed()
        if typed and typed != self.text:
            self.replaced.emit(typed)

    def use_text(self, text: str) -> None:
        """Take over a change of the text; the form follows, as far as it can say the same."""
        if text == self.text:
            return
        self.text, self.fault, self.fault_line = text, None, 0
        self._typed = True
        try:
            from engine.merging.loading import parse_recipe

            self.form = form_of(parse_recipe(text))
        except BakeoffError as error:
            # The form stays as it was.
            self.fault, self.fault_line = problem_of(error), error.row or 0
        self._changed()

    def mend(self, text: str) -> str:
        """Use a remedy's recipe; returns what was there before, for taking it back."""
        before, typed = self.text, self._typed
        self.use_text(text)
        self._typed = typed
        return before

    def load(self, file: Path) -> None:
        """Use a recipe from a file."""

        def read() -> str:
            from engine.merging.loading import load_recipe

            load_recipe(file)
            return file.read_text(encoding="utf-8-sig")

        def use(text: str) -> None:
            typed = self.text if self._typed else ""
            self.use_text(text)
            if typed and typed != text:
                self.replaced.emit(typed)

        self.services.background.run(self, read, use, self.failed.emit)

    def save(self, file: Path) -> None:
        """Write the recipe into a file, as it stands."""
        text = self.text

        def write() -> str:
            from engine.files import write_text

            write_text(file, text)
            return file.name

        self.services.background.run(
            self,
            write,
            lambda name: self.told.emit(tr("{file} has been written.", file=name)),
            self.failed.emit,
        )

    def use_preset(self, name: str) -> None:
        """Fill a recipe that ships with Bakeoff with the chosen models."""
        models = self.form.models if self.form is not None else ()
        if not models:
            return
        base = self.form.base if self.form is not None else models[0]
        try:
            from engine.merging.method_table import METHODS
            from engine.merging.presets import preset

            rest = [one for one in models if one != base]
            endpoint = METHODS[name].base in ("endpoint", "inputs") if name in METHODS else True
            recipe = preset(name, [base, *rest] if endpoint else rest or [base], base)
        except BakeoffError as error:
            self.failed.emit(problem_of(error))
            return
        form = form_of(recipe)
        if form is not None:
            self.use_form(replace(form, base=form.base or base))

    def start(self, name: str, seed: int) -> None:
        """Put the merge into the queue."""
        workspace, client, text = self.services.workspace, self.services.client, self.text
        threads = self.threads

        def submit() -> str:
            from engine.merging.loading import parse_recipe
            from engine.workspace.naming import free_name, require_free, slug
            from engine.workspace.tables import Model

            recipe = parse_recipe(text)
            with workspace.catalogue.reading() as session:
                if name:
                    require_free(session, Model, name)
                wanted = name or free_name(session, Model, slug(f"{recipe.merge_method}-merge"))
            spec = MergeSpec(recipe=text, name=wanted, seed=seed, threads=threads)
            client.submit("merge", spec, Words("Merge {name}", name=wanted))
            client.ensure_runner()
            return wanted

        self.do(submit, lambda made: self.told.emit(tr("{name} is being merged.", name=made)))

    def _changed(self) -> None:
        self._number += 1
        self.checked = None
        if self.looking and self.shown:
            self._timer.start()
        else:
            self._timer.stop()
        self.drafted.emit()

    def _check(self) -> None:
        number, text, workspace, threads = self._number, self.text, self.services.workspace, self.threads
        names = tuple(one.name for one in self.state.models)

        def done(found: Checked) -> None:
            if number == self._number:
                self.checked = found
                self.drafted.emit()

        def failed(problem: Problem) -> None:
            if number == self._number:
                self.checked = Checked(False, (Said("error", problem.message, problem.fix),))
                self.drafted.emit()

        self.services.background.run(self, lambda: _checked(workspace, text, names, threads), done, failed)


def _checked(workspace: Workspace, text: str, names: Sequence[str], threads: int) -> Checked:
    from engine.merging import Preflight, check
    from engine.merging.destination import check_space
    from engine.merging.forecast import check_memory, forecast
    from engine.merging.loading import parse_recipe
    from engine.merging.remedies import remedies
    from engine.merging.workspace_models import workspace_resolver

    recipe = parse_recipe(text)
    found = check(recipe, resolve=workspace_resolver(workspace))
    foreseen = None
    if found.plan is not None:
        foreseen = forecast(found.plan, workspace.models, threads)
        more = (*check_space(workspace.models, foreseen.nbytes), *check_memory(foreseen))
        found = Preflight((*found.findings, *more), found.plan)
    facts = {key: value for key, value in found.as_dict().items() if key != "findings"}
    said = tuple(
        Said(
            one.severity,
            *one.told(in_the_window, filled),
            tuple((told(remedy.label), _text_of(remedy.recipe)) for remedy in remedies(one, recipe, names)),
        )
        for one in found.findings
    )
    return Checked(found.ok, said, facts, foreseen)


def _text_of(recipe: Recipe) -> str:
    """A recipe as the form writes it, where a form can say it all."""
    form = form_of(recipe)
    text = yaml_of(form) if form is not None else ""
    if text:
        from engine.merging.loading import parse_recipe

        with suppress(BakeoffError):
            if parse_recipe(text) == recipe:
                return text
    return yaml_of_document(recipe.as_dict())
