"""The graph network inside an s-DANNCE checkpoint of the reference program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_sdannce.models.checkpoint_info import CheckpointError
from napari_sdannce.models.sdannce import SdannceConfig
from napari_sdannce.skeletons import builtin_skeletons, load_skeleton

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from napari_sdannce.models.dannce import DannceConfig
    from napari_sdannce.skeletons import Skeleton

_CONV = "gconv_input.0.gconv."
_NORM = "gconv_input.0.bn."
_STANDARD_NETWORK = "rat23"


def graph_config(
    weights: dict[str, Tensor], backbone: DannceConfig, params: Mapping[str, Any], path: Path
) -> tuple[SdannceConfig, Skeleton]:
    """Work out the graph network from the shapes of its weights and the stored parameters.

    Parameters
    ----------
    weights
        Of the whole network.
    backbone
        The DANNCE network inside.
    params
        As stored; what they do not tell is as in the program's own configurations.

    Returns
    -------
    The network's config, and the skeleton its bones are of.

    Raises
    ------
    CheckpointError
        When the weights are no such network, or of a skeleton that is not known.
    """
    first, edges = weights.get(f"{_CONV}W"), weights.get(f"{_CONV}e")
    if first is None or edges is None or first.ndim != 3:
        raise CheckpointError(f"{path}: an s-DANNCE network without its graph ({_CONV}W, e)")
    skeleton = _skeleton(backbone.n_keypoints, len(edges), params, path)
    fusion = weights.get("fusion_layer.weight")
    stored = params.get("graph_cfg", params.get("custom_model"))
    options = stored if isinstance(stored, Mapping) else {}
    dropout = options.get("dropout")
    shared = backbone.model_dump(exclude={"kind", "head"})
    config = SdannceConfig(
        **shared,
        bones=skeleton.bones,
        hidden=first.shape[2],
        layers=_n_layers(weights),
        block="modulated" if f"{_CONV}M" in weights else "semantic",
        graph_norm=_norm(weights, options),
        dropout=0.0 if dropout is None else dropout,
        features=fusion is not None,
        fuse=128 if fusion is None else len(fusion),
        relative=options.get("use_relpose", options.get("relpose", True)),
        difference=options.get("predict_diff", True),
        # where a configuration does not name it, the reference's network adds the first pose
        residual=options.get("use_residual", bool(options)),
        scale="reference",
    )
    return config, skeleton


def _skeleton(n_keypoints: int, n_entries: int, params: Mapping[str, Any], path: Path) -> Skeleton:
    """Skeleton whose bones both ways, and keypoints, are as many as the weights of a layer."""
    named = params.get("skeleton")
    names = [named] if isinstance(named, str) and named in builtin_skeletons() else []
    for name in dict.fromkeys([*names, _STANDARD_NETWORK, *builtin_skeletons()]):
        skeleton = load_skeleton(name)
        n_bones = len({frozenset(bone) for bone in skeleton.bones})
        if len(skeleton.keypoints) == n_keypoints and n_keypoints + 2 * n_bones == n_entries:
            return skeleton
    raise CheckpointError(
        f"{path}: an s-DANNCE network of {n_keypoints} keypoints and "
        f"{(n_entries - n_keypoints) // 2} bones; no built-in skeleton has these "
        f"({', '.join(builtin_skeletons())})"
    )


def _n_layers(weights: dict[str, Tensor]) -> int:
    numbers = [
        int(match[1]) for name in weights if (match := re.match(r"gconv_layers\.(\d{1,3})\.", name))
    ]
    return 1 + max(numbers, default=-1)


def _norm(weights: dict[str, Tensor], options: Mapping[str, Any]) -> str:
    if f"{_NORM}running_mean" in weights:
        return "batch"
    if f"{_NORM}weight" in weights:
        return "layer"
    named = options.get("norm_type")
    return named if isinstance(named, str) else "none"
