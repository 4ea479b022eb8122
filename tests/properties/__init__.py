"""What holds for any input: chunks, networks, seeds, and other people's engines beside ours."""
