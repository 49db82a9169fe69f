"""Benchmarks as programs: real Kafka, real PostgreSQL, JSON out, ratios in one run."""
