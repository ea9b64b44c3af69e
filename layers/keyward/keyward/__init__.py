"""Keyward: API keys of Amazon API Gateway REST APIs, kept right by two reconcilers."""

import gc
import os

__version__ = "0.9.0"

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # A cold start makes some 200,000 objects that all stay. The collector would look through them
    # 200 times and find nothing, a sixth of the CPU. Here, as this is imported before the rest.
    gc.set_threshold(100_000)
