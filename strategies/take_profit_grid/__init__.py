"""The take-profit grid: a maker open near the touch, a maker close a little away, again and again."""
