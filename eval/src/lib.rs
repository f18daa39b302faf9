//! Benchmarks scored as lm-evaluation-harness scores them.
