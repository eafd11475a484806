"""What tests of whole projects share."""
