-- One line of `name=value` for bench_api, in place of wrk's page. Source: wrk's SCRIPTING, `done`.
function done(summary, latency, requests)
  io.write(string.format("\nreport answers=%d bad_status=%d timeouts=%d seconds=%.6f p50_ms=%.6f p99_ms=%.6f\n",
    summary.requests, summary.errors.status, summary.errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
