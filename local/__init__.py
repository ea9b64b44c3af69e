"""An AWS on this machine: `python -m local serve`, and the emulator of API Gateway REST APIs."""
