"""Keys of the reference's configuration that nothing here follows, each with the reason.

Together with the fields of `reference_config.ReferenceConfig` they are all keys of the reference.
"""

DEAD = "the reference program does not use it either"
FOUND = "found out from the files themselves"
SAMPLED = "volumes are filled as they are needed; there is no cache of them to set up"
HARD_CODED = "belongs to data sets in folders that are fixed in the reference program"
SHEAR = "images are turned, scaled and moved, but not sheared"
TEMPORAL = "TemporalLoss among the losses takes the moments round each labelled one"
COMMAND = "an option of the command line of the reference program, not of its configuration"
UNREACHABLE = "the reference program looks it up but refuses it in a configuration"
MASKS = "masks are files here: the folder of an experiment's 'masks'"

IGNORED: dict[str, str] = {
    # common
    "base_config": "the file's own path, set by the reference program",
    "slurm_config": "clusters are set on the command line (--cluster)",
    "sbatch": "clusters are set on the command line (--cluster)",
    "gpu_id": "the device is set on the command line (--device)",
    "multi_gpu_train": "the devices are set on the command line",
    "viddir_flag": DEAD,
    "vid_dir_flag": FOUND,
    "immode": "frames always come from videos",
    "chunks": FOUND,
    "lockfirst": DEAD,
    "extension": FOUND,
    "n_channels_in": FOUND,
    "raw_im_h": FOUND,
    "raw_im_w": FOUND,
    "mirror": "one video with several mirrored views must be cut into one video a view",
    "use_npy": SAMPLED,
    "net": DEAD,
    "write_npy": DEAD,
    "write_visual_hull": DEAD,
    "debug_volume_tifdir": DEAD,
    "debug_train_volume_tifdir": DEAD,
    # training
    "load_valid": "data_split_seed draws the same frames again",
    "save_period": "the newest and the best weights are kept",
    "metric": "the error in mm is always measured",
    # data of DANNCE
    "dataset": HARD_CODED,
    "dataset_args": HARD_CODED,
    "is_social_dataset": "found out from the label files",
    "depth": DEAD,
    "use_silhouette": MASKS,
    "use_silhouette_in_volume": MASKS,
    "downscale_occluded_view": "unusable in the reference program: it looks at the wrong object",
    "use_temporal": TEMPORAL,
    "support_exp": TEMPORAL,
    "n_support_chunks": TEMPORAL,
    "unlabeled_temp": TEMPORAL,
    "new_n_channels_out": "the number of keypoints is that of the labels",
    # training of DANNCE
    "allow_valid_replace": "validation always shows all views in their order",
    "heatmap_reg": DEAD,
    "heatmap_reg_coeff": DEAD,
    "batch_augmentation": "set by the reference program itself",
    "batch_aug_size": "set by the reference program itself",
    # prediction
    "start_batch": DEAD,
    "label3d_index": "the label file of a folder is chosen by its cameras and keypoints",
    # COM
    "debug": "sample pictures are always kept",
    "com_debug": "sample pictures are always kept",
    "augment_shear": SHEAR,
    "augment_shear_val": SHEAR,
    # names of the command line only
    "verbose": COMMAND,
    "n_layers_locked": COMMAND,
    "from_weights": COMMAND,
    "predict_model": COMMAND,
    "save_pred_targets": COMMAND,
    "temporal_loss_weight": COMMAND,
    "temporal_chunk_size": COMMAND,
    "multigpu": COMMAND,
    # names it looks up but never accepts
    "residual": UNREACHABLE,
    "norm_upsampling": UNREACHABLE,
    "social_big_volume": UNREACHABLE,
    "social_joint_training": UNREACHABLE,
    "return_full2d": UNREACHABLE,
}
