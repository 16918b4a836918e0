"""Which seconds of one clip are which seconds of another: similarity on a time grid, lines through it."""
