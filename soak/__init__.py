"""What the server bears for long and under attack: ``python -m soak``. See README.md."""
