"""Ways to trace a picture: the engine, its vectors alone, and baselines to set them beside."""
