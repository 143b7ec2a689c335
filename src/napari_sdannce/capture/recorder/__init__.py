"""The recorder: cameras, threads that grab and encode, what starts exposures, what is watched."""
