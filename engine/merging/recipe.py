"""A merge recipe: pydantic models of the YAML that the field writes, strict about every key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from engine.merging.settings import Settings

#: Element types that a recipe may name.
Dtype = Literal["float32", "float16", "bfloat16", "float64"]


class ModelRef(BaseModel):
    """A model as a recipe names it: ``path`` or ``path+adapter``.

    Attributes:
        path: Folder, or name that the caller resolves.
        adapter: A LoRA adapter that is folded into it first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    adapter: str | None = None

    def __str__(self) -> str:
        return self.path if self.adapter is None else f"{self.path}+{self.adapter}"


def _parse_ref(raw: Any) -> Any:
    if isinstance(raw, str):
        if not raw.strip():
            raise ValueError("a model has an empty name")
        path, plus, adapter = raw.strip().partition("+")
        return {"path": path, "adapter": adapter if plus else None}
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"path": str(raw)}  # a folder called 123, which YAML takes for a number
    if isinstance(raw, dict):
        # Programs print what they have read: {model: {path: X, revision: null}, lora: null}.
        given = {str(key): value for key, value in raw.items() if value is not None}
        for old, new in (("model", "path"), ("lora", "adapter")):
            if old in given and new not in given:
                given[new] = _path_of(given.pop(old))
        return given
    return raw


def _path_of(raw: Any) -> Any:
    """The path in a printed ``{path: X, revision: null}``; other keys with a value stay to be refused."""
    if isinstance(raw, dict):
        given = {key: value for key, value in raw.items() if value is not None}
        return given["path"] if given.keys() == {"path"} else given
    return raw


def _parse_dtype(raw: Any) -> Any:
    return raw.removeprefix("torch.") if isinstance(raw, str) else raw


Reference = Annotated[ModelRef, BeforeValidator(_parse_ref), PlainSerializer(str)]
DtypeName = Annotated[Dtype, BeforeValidator(_parse_dtype)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputModel(_Strict):
    """A model whose layers are all merged, with its own parameters."""

    model: Reference = Field(title="Model", description="Folder or name of a model, or base+adapter.")
    parameters: Settings = Field(default={}, title="Parameters", description="Values for this model.")


class SliceSource(_Strict):
    """Some layers of a model, with their own parameters."""

    model: Reference = Field(title="Model", description="Folder or name of a model, or base+adapter.")
    layer_range: tuple[int, int] = Field(
        title="Layers", description="First layer, and the one after the last, counted from 0."
    )
    parameters: Settings = Field(default={}, title="Parameters", description="Values for these layers.")

    @field_validator("layer_range", mode="before")
    @classmethod
    def _require_two(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("it takes two whole numbers, the first layer and the one after the last")
        return value

    @field_validator("layer_range")
    @classmethod
    def _require_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= value[0] < value[1]:
            raise ValueError(f"the layers [{value[0]}, {value[1]}) are not a range that holds any")
        return value


class Slice(_Strict):
    """Layers of the output, made of as many layers of each source."""

    sources: tuple[SliceSource, ...] = Field(
        min_length=1, title="Sources", description="Layers of one or more models."
    )
    parameters: Settings = Field(default={}, title="Parameters", description="Values for this slice.")


class TokenizerChoice(_Strict):
    """The long form of ``tokenizer_source``."""

    source: str = Field(default="union", title="Source", description="base, union, or a model.")
    pad_to_multiple_of: int | None = Field(
        default=None, ge=1, title="Pad to a multiple of", description="Rows of the embedding."
    )


class Recipe(_Strict):
    """A merge recipe."""

    merge_method: str = Field(title="Method", description="How tensors are merged.")
    base_model: Reference | None = Field(
        default=None,
        title="Base",
        description="The model the others differ from; gives config and tokenizer.",
    )
    models: tuple[InputModel, ...] | None = Field(
        default=None, min_length=1, title="Models", description="Models to merge whole."
    )
    slices: tuple[Slice, ...] | None = Field(
        default=None, min_length=1, title="Slices", description="Output layers, slice by slice."
    )
    parameters: Settings = Field(default={}, title="Parameters", description="Values for all models.")
    dtype: DtypeName | None = Field(
        default=None, title="Element type", description="Type that the tensors are stored in."
    )
    out_dtype: DtypeName | None = Field(
        default=None, title="Output type", description="Type of storage where it differs from dtype."
    )
    arithmetic: Literal["float32", "dtype"] = Field(
        default="float32", title="Arithmetic", description="Compute in float32, or in the type of storage."
    )
    tokenizer_source: str | None = Field(
        default=None,
        title="Tokenizer",
        description="base, union, or a model; needed for unequal vocabularies.",
    )
    tokenizer: TokenizerChoice | None = Field(
        default=None, title="Tokenizer, long form", description="Replaces tokenizer_source."
    )
    name: str | None = Field(default=None, title="Name", description="What the merge is called.")

    @model_validator(mode="after")
    def _require_one_form(self) -> Recipe:
        if (self.models is None) == (self.slices is None):
            raise ValueError("a recipe has either 'models' or 'slices'")
        if self.tokenizer is not None and self.tokenizer_source is not None:
            raise ValueError("'tokenizer' and 'tokenizer_source' say the same; give one")
        return self

    @property
    def references(self) -> tuple[ModelRef, ...]:
        """Every model that is merged, in the recipe's order, the base last where it is not listed."""
        found: dict[ModelRef, None] = {}
        for entry in self.models or ():
            found[entry.model] = None
        for part in self.slices or ():
            found.update((source.model, None) for source in part.sources)
        if self.base_model is not None:
            found[self.base_model] = None
        return tuple(found)

    @property
    def tokenizer_choice(self) -> TokenizerChoice | None:
        """Which tokenizer the output gets, where the recipe says so."""
        if self.tokenizer_source is not None:
            return TokenizerChoice(source=self.tokenizer_source)
        return self.tokenizer

    def as_dict(self) -> dict[str, Any]:
        """The recipe as it would be written, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)
