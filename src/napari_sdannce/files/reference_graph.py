"""The graph network of a configuration of the reference program (``graph_cfg``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from .reference_values import NoneText


class ReferenceGraph(BaseModel):
    """Values of ``graph_cfg`` under the reference's own names; unset ones have its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field("PoseGCN", description="A name that the reference does not use")
    input_dim: Literal[3] = 3
    hidden_dim: int = 128
    n_layers: int = 3
    base_block: Literal["sem", "modulated"] = "sem"
    norm_type: Annotated[str | None, NoneText] = "batch"
    dropout: Annotated[float | None, NoneText] = None
    use_features: bool = False
    fuse_dim: int = 256
    use_residual: bool = True
    use_relpose: bool = True
    relpose: bool = True
    predict_diff: bool = True
    n_instances: Literal[1] = 1
    inter_social: Literal[False] = False
    t_flow: JsonValue = None
    return_enc_feats: bool = False

    @model_validator(mode="after")
    def _two_names_of_one_choice(self) -> Self:
        if self.use_relpose != self.relpose:
            raise ValueError(
                f"use_relpose is {self.use_relpose} for the network and relpose is {self.relpose} "
                "for training: they must be the same"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """Values of our `GraphSettings`."""
        return {
            "hidden": self.hidden_dim,
            "layers": self.n_layers,
            "block": {"sem": "semantic", "modulated": "modulated"}[self.base_block],
            "norm": self.norm_type or "none",
            "dropout": self.dropout or 0.0,
            "features": self.use_features,
            "fuse": self.fuse_dim,
            "relative": self.use_relpose,
            "difference": self.predict_diff,
            "residual": self.use_residual,
        }
