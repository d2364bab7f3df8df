"""What measured spots say without a network: kriging, gene programmes, baselines, the first estimate."""
