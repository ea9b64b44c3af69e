"""Public prices of us-east-1, and what counts cost by them. No free tier is taken off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.ground import CALL_SECONDS

AS_OF = "26 November 2026"
MILLION = 1_000_000
# What no bench can measure: an invocation's own time, memory, and what it logs.
FUNCTION_SECONDS, GIGABYTES, LOG_BYTES = 0.12, 0.5, 1000


@dataclass(frozen=True)
class Price:
    """US dollars of one unit; `page` is AWS's page with it."""

    dollars: float
    unit: str
    page: str


PRICES = {
    "lambda_calls": Price(0.20 / MILLION, "a call of a function", "AWS Lambda Pricing"),
    "lambda_gb_seconds": Price(0.0000166667, "a GB and second", "AWS Lambda Pricing"),
    "transitions": Price(0.025 / 1000, "a state transition", "AWS Step Functions Pricing"),
    "written_units": Price(0.625 / MILLION, "a written unit", "DynamoDB Pricing, on-demand"),
    "half_read_units": Price(0.0625 / MILLION, "half a read unit", "DynamoDB Pricing, on-demand"),
    "events": Price(1.00 / MILLION, "an event of ours", "Amazon EventBridge Pricing"),
    "schedule_calls": Price(1.00 / MILLION, "a call of a schedule", "Amazon EventBridge Pricing"),
    "queue_requests": Price(0.40 / MILLION, "a request of a queue", "Amazon SQS Pricing"),
    "parameter_calls": Price(0.05 / 10_000, "a read", "AWS Systems Manager Pricing"),
    "parameter_months": Price(0.05, "an advanced parameter", "AWS Systems Manager Pricing"),
    "bucket_puts": Price(0.005 / 1000, "a PUT or LIST", "Amazon S3 Pricing"),
    "bucket_gets": Price(0.0004 / 1000, "a GET", "Amazon S3 Pricing"),
    "log_gb": Price(0.50, "a GB of logs", "Amazon CloudWatch Pricing"),
    "alarm_metrics": Price(0.10, "a metric of an alarm", "Amazon CloudWatch Pricing"),
    "dashboards": Price(3.00, "a dashboard", "Amazon CloudWatch Pricing"),
    "metric_hours": Price(0.30 / 730, "a metric and hour", "Amazon CloudWatch Pricing"),
    "stored_gb": Price(0.25 + 0.20, "a GB, with its backup", "DynamoDB Pricing, on-demand"),
}


def with_functions(counts: Mapping[str, float], calls: int) -> dict[str, float]:
    """Add what invocations cost besides their number; `calls` of API Gateway are waited for."""
    invoked = counts.get("lambda_calls", 0)
    seconds = invoked * FUNCTION_SECONDS + calls * CALL_SECONDS
    return {
        **counts,
        "lambda_gb_seconds": seconds * GIGABYTES,
        "log_gb": invoked * LOG_BYTES / 1e9,
    }


def dollars(counts: Mapping[str, float]) -> float:
    """What these counts cost."""
    return sum(PRICES[name].dollars * count for name, count in counts.items())
