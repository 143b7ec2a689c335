"""The panel "Label in 3D": a view of each camera, the pose in space, keypoints, and keys."""
