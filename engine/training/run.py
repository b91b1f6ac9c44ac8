"""The job that fine-tunes: set up, train, save. Read it from top to bottom."""

from __future__ import annotations

import math
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch

from engine import __version__
from engine.datasets.library import OpenDataset, open_dataset
from engine.datasets.selection import select
from engine.errors import Words
from engine.files import new_folder, sha256_file, write_json
from engine.jobs.context import JobContext, JobInterruptedError, JobResult
from engine.models.device import Device, choose_device
from engine.models.library import ModelFiles
from engine.models.load import load_causal_lm
from engine.models.template import ChatTemplate, load_template
from engine.models.tokenizer import TOKENIZER_FILES
from engine.models.unchanged import note_checked, require_unchanged
from engine.training.base import find_base, published_name
from engine.training.batches import EpochBatches, parts, supervised_tokens
from engine.training.checkpoint import Checkpoints, Position
from engine.training.errors import TrainingError
from engine.training.examples import TrainingExample, longest_example, split_off_evaluation, tokenise
from engine.training.loss import answer_loss, collate
from engine.training.placement import add_adapter
from engine.training.schedule import Schedule, plan_schedule
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace.adoption import Adoption, NewModel, NewParent


def run(context: JobContext) -> JobResult:
    """Fine-tune the spec's base on its dataset."""
    spec = TrainSpec.model_validate(context.spec)
    base = find_base(context.workspace, spec.base)
    require_unchanged(context.workspace, base, context)
    dataset = open_dataset(context.workspace, spec.dataset, "train")
    template = load_template(base.folder, context)
    chosen = select(dataset.store, "train", limit=spec.recipe.limit, answers=spec.answers)
    longest = longest_example(spec.recipe.max_length, base.info.context, context)
    examples = tokenise(chosen, template, longest, context)
    train, held_out = split_off_evaluation(examples, spec.recipe.eval_share, spec.recipe.seed, context)
    schedule = plan_schedule(len(examples), spec.recipe, context, held_out=len(held_out))
    device = choose_device(context, spec.recipe.dtype, kept=context.checkpoints / "device.json")

    trainer = Trainer(context, base, template, train, held_out, schedule, device, spec.recipe)
    position = trainer.train()

    summary = trainer.summary(spec.name, position)
    record = _provenance(base, dataset, template, spec, device)
    if position.step < schedule.steps:
        record["ended_early"] = {"step": position.step, "of": schedule.steps}
    folder = context.output_folder(context.workspace.models)
    trainer.model.peft_config["default"].base_model_name_or_path = published_name(context.workspace, base)
    with new_folder(folder) as temporary:
        _save(trainer, temporary, base, template, {**record, "result": summary})
    sha256 = sha256_file(folder / "adapter_model.safetensors")
    note_checked(context.workspace, folder, sha256)
    model = NewModel(
        id=context.job_id,
        name=spec.name,
        kind="adapter",
        folder=context.workspace.relative(folder),
        weights_sha256=sha256,
        info={
            "lora_rank": spec.recipe.lora_rank,
            "template_sha256": template.sha256,
            "dataset": dataset.name,
        },
        recipe=record,
        parents=[NewParent(id=base.id, name=base.name, sha256=base.weights_sha256)],
    )
    return JobResult(summary, Adoption(models=[model]))


class Trainer:
    """One fine-tune: the model with its adapter, the optimiser, and where the run stands."""

    def __init__(
        self,
        context: JobContext,
        base: ModelFiles,
        template: ChatTemplate,
        train: list[TrainingExample],
        held_out: list[TrainingExample],
        schedule: Schedule,
        device: Device,
        recipe: TrainRecipe,
    ) -> None:
        self.context = context
        self.train_examples = train
        self.held_out = held_out
        self.schedule = schedule
        self.device = device
        self.recipe = recipe
        self.lengths = [len(example.ids) for example in train]
        self.batches = EpochBatches(self.lengths, recipe.batch_size, recipe.seed)
        self.padding = _padding_id(template)
        torch.manual_seed(recipe.seed)
        self.core = load_causal_lm(
            base.folder, device, quantisation="nf4" if recipe.method == "qlora" else "none"
        )
        self.model = add_adapter(self.core, recipe, context)
        if recipe.gradient_checkpointing:
            self.core.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            self.core.enable_input_require_grads()
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        # Gradients of a mean over many tokens are too small for float16, so there they are computed larger.
        self.scaler = torch.amp.GradScaler(torch.device(device.name).type, enabled=device.dtype == "float16")
        self.checkpoints = Checkpoints(context.checkpoints)

    def train(self) -> Position:
        """Take every step that is not done yet; on interruption leave a checkpoint."""
        position = self.checkpoints.load(self.model, self.optimizer)
        if position.loss_scale:
            self.scaler.load_state_dict(position.loss_scale)
        if position.step:
            self.context.event("train.resumed", step=position.step)
        started, saved_at = time.monotonic() - position.seconds, time.monotonic()
        self.context.progress(position.step, self.schedule.steps, "steps")
        while position.step < self.schedule.steps:
            try:
                self.context.check()
            except JobInterruptedError:
                self.checkpoints.save(self.model, self.optimizer, position)
                raise
            if self.context.finishing and position.step:
                taken, planned = position.step, self.schedule.steps
                self.context.decision("last step", taken, "somebody asked to end and save", planned=planned)
                break
            self._step(position)
            position.seconds = time.monotonic() - started
            if self.schedule.evaluates_after(position.step, self.recipe.evaluations):
                self._evaluate(position)
                position.seconds = time.monotonic() - started
            if time.monotonic() - saved_at >= self.recipe.checkpoint_seconds:
                self.checkpoints.save(self.model, self.optimizer, position)
                saved_at = time.monotonic()
        if self.recipe.keep == "best" and self.checkpoints.load_best(self.model):
            self.context.decision("kept", Words("best"), "lowest evaluation loss", loss=position.best_loss)
        return position

    def _step(self, position: Position) -> None:
        """One step of the optimiser on one batch; the loss is a mean over its trained tokens."""
        epoch, number = divmod(position.step, self.schedule.steps_per_epoch)
        batch = self.batches.of(epoch)[number]
        trained = supervised_tokens(batch, self.train_examples)
        self.model.train()
        total = 0.0
        for part in parts(batch, self.lengths, self.recipe.max_batch_tokens):
            data = collate([self.train_examples[index] for index in part], self.padding, self.device.name)
            loss = answer_loss(self.core, data) / trained
            torch.autograd.backward(self.scaler.scale(loss))
            total += loss.item()
        if not math.isfinite(total):
            raise TrainingError(
                "training.diverged",
                "The loss is no longer a number after {step} steps.",
                fix="Lower the learning rate.",
                step=position.step,
            )
        self.scaler.unscale_(self.optimizer)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.max_grad_norm))
        rate = self.schedule.rate(position.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimizer)
        if self.scaler.is_enabled() and not math.isfinite(norm):
            self.context.event("train.step_skipped", step=position.step, loss_scale=self.scaler.get_scale())
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        position.loss_scale = self.scaler.state_dict()
        position.step += 1
        position.losses.append(total)
        position.examples += len(batch)
        position.tokens += sum(self.lengths[index] for index in batch)
        position.supervised += trained
        self.context.event(
            "train.step",
            step=position.step,
            loss=round(total, 6),
            learning_rate=rate,
            grad_norm=round(norm, 4) if math.isfinite(norm) else None,
            tokens_per_second=round(position.tokens / max(position.seconds, 1e-9), 1)
            if position.seconds
            else None,
        )
        self.context.progress(position.step, self.schedule.steps, "steps", loss=round(total, 4))

    def _evaluate(self, position: Position) -> None:
        """Measure the loss on the held-out slice, and keep the adapter when it is the best so far."""
        if not self.held_out:
            return
        self.model.eval()
        lengths = [len(example.ids) for example in self.held_out]
        total = 0.0
        with torch.no_grad():
            for part in parts(range(len(lengths)), lengths, self.recipe.max_batch_tokens):
                data = collate([self.held_out[index] for index in part], self.padding, self.device.name)
                total += answer_loss(self.core, data).item()
        loss = total / supervised_tokens(range(len(lengths)), self.held_out)
        position.evaluations.append([position.step, loss])
        self.context.event("train.evaluation", step=position.step, loss=round(loss, 6))
        if position.best_loss is None or loss < position.best_loss:
            position.best_loss = loss
            self.checkpoints.save_best(self.model)

    def summary(self, name: str, position: Position) -> dict[str, Any]:
        """The command line's JSON of a run."""
        last = position.losses[-self.schedule.steps_per_epoch :]
        seconds = max(position.seconds, 1e-9)
        return {
            "model": name,
            "steps": position.step,
            "examples_per_second": round(position.examples / seconds, 3),
            "tokens_per_second": round(position.tokens / seconds, 1),
            "supervised_tokens": position.supervised,
            "train_loss": sum(last) / len(last),
            "eval_loss": position.best_loss if self.recipe.keep == "best" else _last_evaluation(position),
            "peak_memory_mb": round(_peak_memory() / 1e6, 1),
            "seconds": round(position.seconds, 2),
        }


def _save(
    trainer: Trainer,
    folder: Path,
    base: ModelFiles,
    template: ChatTemplate,
    record: dict[str, Any],
) -> None:
    """Write a standard PEFT adapter with the base's tokenizer files, byte for byte, beside it."""
    trainer.model.save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)  # an empty form, which names a path of this machine
    for name in TOKENIZER_FILES:
        if (base.folder / name).exists():
            (folder / name).write_bytes((base.folder / name).read_bytes())
    (folder / "chat_template.jinja").write_text(template.text, encoding="utf-8")
    write_json(folder / "bakeoff.json", record)


def _provenance(
    base: ModelFiles, dataset: OpenDataset, template: ChatTemplate, spec: TrainSpec, device: Device
) -> dict[str, Any]:
    """What made the model: recipe, hashes and versions."""
    import peft
    import transformers

    return {
        "recipe": spec.recipe.model_dump(),
        "base": {"name": base.name, "sha256": base.weights_sha256},
        "dataset": {"name": dataset.name, "sha256": dataset.store.content_sha256},
        "template_sha256": template.sha256,
        "device": {"name": device.name, "dtype": device.dtype},
        "versions": {
            "bakeoff": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "python": platform.python_version(),
        },
    }


def _padding_id(template: ChatTemplate) -> int:
    """Any token will do, since padding is masked."""
    chosen = template.tokenizer.pad_token_id
    return int(chosen if chosen is not None else template.tokenizer.eos_token_id or 0)


def _last_evaluation(position: Position) -> float | None:
    return position.evaluations[-1][1] if position.evaluations else None


def _peak_memory() -> float:
    """Most bytes used: of the accelerator where there is one, else of this process."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
