"""What training scripts share: script mode, and model files that need no pickle and no package to write."""
