"""What is drawn and written for the docs, beside the tables of measurements."""
