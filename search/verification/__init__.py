"""Do two pictures show the same pixels? Local features, and a geometry that explains them."""
