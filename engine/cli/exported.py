"""The GGUF file that speaks for a model, made where there is none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.cli.session import Session
from engine.errors import BakeoffError

if TYPE_CHECKING:
    from engine.models.library import ExportedFile, ModelFiles

#: What is made where nothing is asked for: hardly to be told from 16 bits, at half their size.
_QUANTISATION: Final = "q8_0"


def gguf_of(session: Session, text: str) -> tuple[ModelFiles, ExportedFile]:
    """The model and the GGUF file that ``text``, ``MODEL`` or ``MODEL@QUANTISATION``, names.

    Raises:
        NameUnknownError: There is no such model.
        BakeoffError: It cannot be exported.
    """
    from engine.exporting.spec import ExportSpec
    from engine.inference.contestants import local_file

    files, quantisation, export = local_file(session.workspace, text)
    if export is None:
        quantisation = quantisation or _QUANTISATION
        session.say(f"Exporting {files.name} as {quantisation}.")
        session.run_job(
            "export",
            ExportSpec(model=files.name, quantisation=quantisation),
            f"Export {files.name} as {quantisation}",
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
