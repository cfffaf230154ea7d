"""Signal and image classifiers, with their training, evaluation and protocols."""
