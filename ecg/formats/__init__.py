"""Files in, records and pages out."""
