"""The GGUF file that speaks for a model, made where there is none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.cli.session import Session
from engine.errors import BakeoffError, Words

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Pane
    from engine.models.library import ExportedFile, ModelFiles

#: What is made where nothing is asked for: hardly to be told from 16 bits, at half their size.
_QUANTISATION: Final = "q8_0"


def gguf_of(session: Session, text: str) -> tuple[ModelFiles, ExportedFile]:
    """The model and the GGUF file that ``text``, ``MODEL`` or ``MODEL@QUANTISATION``, names.

    Raises:
        NameUnknownError: There is no such model.
        BakeoffError: It cannot be exported.
    """
    from engine.exporting.quantisations import quantisation as known
    from engine.exporting.spec import ExportSpec
    from engine.inference.contestants import local_file

    files, quantisation, export = local_file(session.workspace, text)
    if export is None:
        quantisation = known(quantisation or _QUANTISATION).name
        session.say(f"Exporting {files.name} as {quantisation}.")
        session.run_job(
            "export",
            ExportSpec(model=files.name, quantisation=quantisation),
            Words("Export {model} as {form}", model=files.name, form=quantisation),
            forget_failure=True,
        )
        files, _, export = local_file(session.workspace, f"{files.name}@{quantisation}")
    if export is None:
        raise BakeoffError(
            "export.gone",
            "The file that was just made of '{name}' is not there any more.",
            fix="Try again.",
            name=files.name,
        )
    return files, export


def gguf_of_pane(session: Session, pane: Pane) -> tuple[ModelFiles, ExportedFile]:
    """The model and the GGUF file that go on with a pane: the file that has answered in it, as long as it is there.

    Raises:
        NameUnknownError: The model is not there any more.
        BakeoffError: It cannot be exported.
    """
    from engine.inference.contestants import recorded_file

    found = recorded_file(session.workspace, pane.name, pane.sha256)
    if found is not None:
        return found
    files, export = gguf_of(session, pane.name)
    if pane.sha256 not in ("", export.sha256):
        session.say(
            f"The file that '{pane.name}' has answered from ({pane.quantisation}, sha256 {pane.sha256[:12]}) is not "
            f"there any more. It goes on from another one ({export.quantisation}, sha256 {export.sha256[:12]}), and "
            "votes on that one's answers count for another contestant."
        )
    return files, export
