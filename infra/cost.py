#!/usr/bin/env python3
"""What a million jobs cost: computes cost.md's tables from cost.toml and prints them.

Change a price or a count there, run this, and put what it prints into cost.md; a test holds the two together.

example: python3 infra/cost.py
"""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# What Cloudflare counts for each object that is awake: 128 MB, whatever it takes.
# https://developers.cloudflare.com/durable-objects/platform/pricing/
OBJECT_GB = 0.128
DAYS_A_MONTH = 30
# A job's row with its indexes, for JOB_RETENTION_DAYS.
ROW_GB_MONTHS = 430e-9 * 7 / DAYS_A_MONTH

Job = dict[str, Any]


def read() -> dict[str, Any]:
    return tomllib.loads((HERE / "cost.toml").read_text())


def completed(jobs: dict[str, Job], name: str) -> Job:
    """A job with what it has of the one that it is like."""
    job = jobs[name]
    return (completed(jobs, job["like"]) if "like" in job else {}) | job


def lines(job: Job, price: dict[str, float]) -> dict[str, float]:
    """Dollars of a million jobs, by what they are paid for."""
    gpu_hours = job["device_ms"] / 3.6e6 * 1e6 / job["utilisation"]
    gb_months = job["stored_mb_days"] * 1e-3 / DAYS_A_MONTH * 1e6
    return {
        "rows of objects": job["rows_written"] * price["rows_written"] + job["rows_read"] * price["rows_read"],
        "requests and time of objects": job["object_requests"] * price["object_requests"]
        + job["object_s"] * OBJECT_GB * price["object_gb_s"],
        "storage of objects": ROW_GB_MONTHS * 1e6 * price["object_gb_month"],
        "Workers: requests, CPU, logs, KV": job["worker_requests"] * price["worker_requests"]
        + job["worker_cpu_ms"] * price["worker_cpu_ms"]
        + job["log_events"] * price["log_events"]
        + job["kv_reads"] * price["kv_reads"],
        "SQS": job["sqs_requests"] * price["sqs_requests"],
        "S3: requests": job["s3_puts"] * price["s3_puts"] + job["s3_gets"] * price["s3_gets"],
        "S3: storage": gb_months * price["s3_gb_month"],
        "S3: out to the edge": job["out_mb"] * 1e-3 * 1e6 * price["s3_gb_out"],
        "GPU": gpu_hours * price["gpu_hour"],
    }


def of_jobs(data: dict[str, Any]) -> str:
    jobs = [completed(data["jobs"], name) for name in data["jobs"]]
    columns = [lines(job, data["prices"]) for job in jobs]
    rows = [["dollars a million jobs", *(job["title"] for job in jobs)], ["---", *("---:" for _ in jobs)]]
    rows += [[what, *(f"{column[what]:,.2f}" for column in columns)] for what in columns[0]]
    rows += [["**together**", *(f"**{sum(column.values()):,.2f}**" for column in columns)]]
    hours = [job["device_ms"] / 3.6 / job["utilisation"] for job in jobs]
    rows += [["hours of a GPU in it", *(f"{each:,.1f}" for each in hours)]]
    return table(rows)


def of_months(data: dict[str, Any]) -> str:
    rows = [["dollars a month, before the first job", "each", "count", "together"], ["---", "---:", "---:", "---:"]]
    for one in data["monthly"]:
        rows.append([one["what"], f"{one['usd']:.2f}", str(one["count"]), f"{one['usd'] * one['count']:,.2f}"])
    together = sum(one["usd"] * one["count"] for one in data["monthly"])
    return table([*rows, ["**together**", "", "", f"**{together:,.2f}**"]])


def table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    DATA = read()
    print(of_jobs(DATA), of_months(DATA), sep="\n\n")
