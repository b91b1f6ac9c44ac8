"""How the next token is chosen: settings that are recorded with what they made."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Sampling(BaseModel):
    """How tokens are drawn. Temperature 0 takes the likeliest token each time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(
        default=0.7,
        ge=0,
        le=5,
        allow_inf_nan=False,
        title="Temperature",
        description="0 always takes the likeliest token.",
    )
    top_k: int = Field(
        default=40,
        ge=0,
        lt=2**31,
        title="Top k",
        description="Draw from this many likeliest tokens; 0: from all.",
    )
    top_p: float = Field(
        default=0.95,
        gt=0,
        le=1,
        title="Top p",
        description="Draw from the fewest tokens that have this probability together.",
    )
    min_p: float = Field(
        default=0.05,
        ge=0,
        le=1,
        title="Min p",
        description="Leave out tokens less likely than this share of the likeliest.",
    )
    repeat_penalty: float = Field(
        default=1.0,
        ge=0.5,
        le=2,
        title="Repeat penalty",
        description="Above 1 makes tokens of the last 64 less likely.",
    )
    #: The largest number of 32 bits has llama.cpp draw at random.
    seed: int = Field(
        default=0, ge=0, lt=2**32 - 1, title="Seed", description="The same seed draws the same."
    )


#: The likeliest token each time: how contestants answer.
GREEDY = Sampling(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0)
