"""The dialog that asks for a base: a folder, a GGUF file, or a model of the Hugging Face Hub."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.models.view_model import ModelsModel
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row


class AddDialog(QDialog):
    """Asks where a base is and what to call it; adding is a job."""

    def __init__(self, look: Look, model: ModelsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Add a base"))
        self.setMinimumWidth(560)
        self._where = QLineEdit(placeholderText=tr("A folder, a .gguf file, or owner/name"))
        self._where.setAccessibleName(tr("Where it is"))
        self._name = QLineEdit(placeholderText=tr("Its own name"))
        self._name.setAccessibleName(tr("What to call it"))
        self._revision = QLineEdit(placeholderText="main")
        self._revision.setAccessibleName(tr("Branch, tag or commit on the Hub"))
        folder = Button(look, tr("Folder"), "folder-open", does=self._choose_folder)
        file = Button(look, tr("File"), "file-text", does=self._choose_file)
        self._go = Button(look, tr("Add"), "plus", "primary", self._add)
        self._go.setDefault(True)
        self._go.setEnabled(False)
        self._where.textChanged.connect(lambda text: self._go.setEnabled(bool(text.strip())))
        self._where.returnPressed.connect(self._add)
        cancel = Button(look, tr("Cancel"), does=self.reject)
        about = tr(
            "Weights are kept as safetensors; a GGUF file is turned into them. From the Hugging Face Hub the files "
            "are downloaded, with a token of yours where the model needs one."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addLayout(column(label(tr("Add a base"), "title"), label(about, "muted", wrap=True), gap=6))
        layout.addLayout(column(label(tr("Where it is"), "strong"), row(self._where, folder, file), gap=6))
        layout.addLayout(column(label(tr("What to call it"), "strong"), self._name, gap=6))
        layout.addLayout(
            column(label(tr("Branch, tag or commit on the Hub"), "strong"), self._revision, gap=6)
        )
        layout.addLayout(
            row(Button(look, tr("Use SmolLM2-135M"), "cube", "ghost", self._demo), None, cancel, self._go)
        )
        self._where.setFocus()

    def _choose_folder(self) -> None:
        found = QFileDialog.getExistingDirectory(self, tr("The model's folder"))
        if found:
            self._where.setText(found)

    def _choose_file(self) -> None:
        found, _ = QFileDialog.getOpenFileName(self, tr("The model's file"), filter="GGUF (*.gguf)")
        if found:
            self._where.setText(found)

    def _add(self) -> None:
        if self._where.text().strip():
            self._model.add(
                self._where.text().strip(), self._name.text().strip(), self._revision.text().strip()
            )
            self.accept()

    def _demo(self) -> None:
        self._model.add_demo()
        self.accept()
