"""Image classifiers: a tiny ViT, reading one, and images and classes as engines read them."""
