"""Training and inference batches; all padding happens here."""
