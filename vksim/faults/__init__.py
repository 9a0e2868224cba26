"""What breaks, and when. A kind of fault is one class: its fields in a scenario, what breaks, how it is mended."""
