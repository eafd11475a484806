"""What every HTTP service of Stackyard shares."""
