"""Emulator of Amazon API Gateway REST APIs: keys, usage plans, methods, deployments, data plane."""
