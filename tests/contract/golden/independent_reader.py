#!/usr/bin/env python3
"""Reads recorded pages a second time, independently of Leadline, and writes the golden files.

The parser is prometheus_client's; the formulas are those of the survey of engines, table "normalised
signal x engine", columns "vLLM V1", "vLLM V0", "SGLang" and "llama.cpp", with its corrections from
running servers. Nothing here calls Leadline or shares code with it: golden_test.cpp compares our
reading with what this wrote.

Regenerate, then review the difference by eye:

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install prometheus_client==0.26.0
    /tmp/golden/bin/python tests/contract/golden/independent_reader.py

Rules beside the formulas: a NaN, infinite or negative number, or a ratio above 1, is no reading; a
sample with a label value over 4096 bytes is not read; a histogram is the sum of its ranks by `le`.
"""

import json
import math
import pathlib
import re
from collections import defaultdict

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

HERE = pathlib.Path(__file__).resolve().parent
PAGES = HERE.parent.parent / "data" / "expositions"
LABEL_CAP = 4096


def samples_of(page):
    """name -> [(labels, value)] of every readable sample of the page."""
    parse = open_metrics if page.suffix == ".om" else text_format
    found = defaultdict(list)
    for family in parse(page.read_text(encoding="utf-8")):
        for sample in family.samples:
            if all(len(value.encode()) <= LABEL_CAP for value in sample.labels.values()):
                found[sample.name].append((sample.labels, sample.value))
    return found


def first_present(samples, *names):
    for name in names:
        if samples.get(name):
            return samples[name]
    return []


def count(value):
    return value if math.isfinite(value) and value >= 0 else None


def ratio(value):
    return value if math.isfinite(value) and 0 <= value <= 1 else None


def per_rank(rows, model, check):
    """One value per rank: the highest over `pid`. None for a rank that tells nothing readable."""
    ranks = defaultdict(list)
    for labels, value in rows:
        if labels.get("model_name", "") == model:
            ranks[labels.get("engine")].append(check(value))
    return [max((v for v in values if v is not None), default=None) for values in ranks.values()]


def total(ranks):
    return math.fsum(ranks) if ranks and None not in ranks else None


def mean(ranks):
    known = [value for value in ranks if value is not None]
    return math.fsum(known) / len(known) if known else None


def increase_of(rows, model, reason=None):
    """Sum of a counter's series of one model; 0 where its family has none of that finish reason."""
    mine = [(labels, value) for labels, value in rows if labels.get("model_name", "") == model]
    if not mine:
        return None
    return math.fsum(value for labels, value in mine
                     if reason is None or labels.get("finished_reason") == reason)


def server_errors(samples, models, model):
    """HTTP answers 5xx; they name no model. None where they cannot be laid to this one."""
    rows = samples.get("http_requests_total", [])
    if not rows or len(models) != 1:
        return None
    return math.fsum(value for labels, value in rows if labels.get("status") == "5xx")


def errors_of(samples, models, model, v1):
    finishes = increase_of(samples.get("vllm:request_success_total", []), model,
                           "error" if v1 else "abort")
    parts = [finishes, server_errors(samples, models, model) if v1 else None]
    known = [part for part in parts if part is not None]
    return math.fsum(known) if known else None


def histogram_of(samples, model, *names):
    """First family present: cumulative counts by upper bound, summed over ranks, and the sum."""
    for name in names:
        if not samples.get(name + "_bucket"):
            continue
        counts = defaultdict(float)
        for labels, value in samples[name + "_bucket"]:
            if labels.get("model_name", "") == model:
                counts[float(labels["le"])] += value
        if not counts:
            return None
        bounds = sorted(counts)
        assert bounds[-1] == math.inf, name
        sums = [v for labels, v in samples[name + "_sum"] if labels.get("model_name", "") == model]
        return {"edges": bounds[:-1], "cumulative": [counts[bound] for bound in bounds],
                "sum": math.fsum(sums)}
    return None


def capacity_of(samples, models):
    """Tokens that the KV cache holds, over all ranks; the info series names no model."""
    rows = first_present(samples, "vllm:cache_config_info", "vllm:cache_config")
    if not rows or len(models) != 1:
        return None
    ranks = {}
    for labels, _ in rows:
        if labels.get("kv_cache_size_tokens", "None") != "None":
            tokens = float(labels["kv_cache_size_tokens"])
        else:
            tokens = float(labels["num_gpu_blocks"]) * float(labels["block_size"])
        ranks[labels.get("engine")] = max(tokens, ranks.get(labels.get("engine"), 0))
    return sum(ranks.values())


def queue_depth(samples, model, v1):
    waiting = total(per_rank(samples.get("vllm:num_requests_waiting", []), model, count))
    if v1 or waiting is None:
        return waiting
    swapped = total(per_rank(samples.get("vllm:num_requests_swapped", []), model, count))
    return waiting + (swapped or 0)


def kv_use(samples, model, v1):
    names = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"] if v1 else [
        "vllm:gpu_cache_usage_perc"]
    return mean(per_rank(first_present(samples, *names), model, ratio))


def gauges_of(samples, model, v1):
    running = per_rank(samples.get("vllm:num_requests_running", []), model, count)
    gauges = {
        "queue_depth": queue_depth(samples, model, v1),
        "running_requests": total(running),
        "batch_size": mean(running),
        "kv_cache_utilization": kv_use(samples, model, v1),
    }
    if not v1:
        gauges["prefix_cache_hit"] = mean(
            per_rank(samples.get("vllm:gpu_prefix_cache_hit_rate", []), model, ratio))
    return gauges


def counters_of(samples, models, model, v1):
    def of(*names):
        return increase_of(first_present(samples, *names), model)
    counters = {
        "finished_requests": of("vllm:request_success_total"),
        "request_errors": errors_of(samples, models, model, v1),
        "prompt_tokens": of("vllm:prompt_tokens_total"),
        "generation_tokens": of("vllm:generation_tokens_total"),
    }
    if v1:
        for what in ("hits", "queries"):
            counters["prefix_cache_" + what] = of(f"vllm:prefix_cache_{what}_total",
                                                  f"vllm:gpu_prefix_cache_{what}_total")
    return counters


def histograms_of(samples, model, v1):
    per_token = "vllm:time_per_output_token_seconds"
    queue = "vllm:request_queue_time_seconds"
    return {
        "ttft_seconds": histogram_of(samples, model, "vllm:time_to_first_token_seconds"),
        "inter_token_latency_seconds": histogram_of(
            samples, model, *(["vllm:inter_token_latency_seconds", per_token] if v1 else [per_token])),
        "e2e_latency_seconds": histogram_of(samples, model, "vllm:e2e_request_latency_seconds"),
        "queue_time_seconds": histogram_of(
            samples, model, *([queue] if v1 else [queue, "vllm:time_in_queue_requests"])),
    }


def known(values):
    return {name: value for name, value in values.items() if value is not None}


def models_of(samples):
    wanted = ("vllm:num_requests", "vllm:kv_cache", "vllm:gpu_cache", "vllm:request_success",
              "vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:time_",
              "vllm:inter_token", "vllm:e2e")
    return sorted({labels.get("model_name", "") for name, rows in samples.items()
                   if name.startswith(wanted) for labels, _ in rows})


def read_vllm(page):
    samples = samples_of(page)
    v1 = any("engine" in labels for name, rows in samples.items() if name.startswith("vllm:")
             for labels, _ in rows)
    models = models_of(samples)
    awake = [value for labels, value in samples.get("vllm:engine_sleep_state", [])
             if labels["sleep_state"] == "awake"]
    start = samples.get("process_start_time_seconds")
    reading = {
        "engine": "vllm",
        "variant": "V0" if not v1 else "Rust frontend" if page.suffix == ".om" else "V1",
        "asleep": bool(awake) and not any(awake),
        "process_start": start[0][1] if start else None,
        "series": {},
    }
    for model in models:
        reading["series"][model] = {
            "gauges": known(gauges_of(samples, model, v1)),
            "kv_capacity_tokens": capacity_of(samples, models),
            "counters": known(counters_of(samples, models, model, v1)),
            "histograms": known(histograms_of(samples, model, v1)),
        }
    return reading


# --- SGLang. Scheduler families carry ranks, tokenizer families only the model.

SGLANG_QUEUES = [  # each under its names, newest first
    ["sglang:num_queue_reqs"], ["sglang:num_grammar_queue_reqs"],
    ["sglang:num_prefill_bootstrap_queue_reqs", "sglang:num_prefill_prealloc_queue_reqs"],
    ["sglang:num_prefill_inflight_queue_reqs", "sglang:num_prefill_infight_queue_reqs"],
    ["sglang:num_decode_prealloc_queue_reqs"], ["sglang:num_decode_transfer_queue_reqs"]]


def first_ranks(rows, *also):
    """Sum_dp_rank first(tp_rank, pp_rank) {priority="" or absent}: one row per rank and `also`."""
    groups = defaultdict(list)
    for labels, value in rows:
        if labels.get("priority", "") == "":
            order = [int(labels.get(name, -1)) for name in ("pp_rank", "tp_rank", "moe_ep_rank")]
            key = (labels.get("dp_rank"), *(labels.get(name) for name in also))
            groups[key].append((order, labels, value))
    return [min(group, key=lambda row: row[0])[1:] for group in groups.values()]


def sglang_ranks(samples, check, *names):
    return [check(value) for _, value in first_ranks(first_present(samples, *names))]


def counted(rows, chosen=lambda labels: True):
    """Sum of a counter's chosen series; None where the family is absent: unknown is not 0."""
    return math.fsum(v for labels, v in rows if chosen(labels)) if rows else None


def sum_of_known(*parts):
    known = [part for part in parts if part is not None]
    return math.fsum(known) if known else None


def sglang_counters(samples):
    live = first_ranks(samples.get("sglang:realtime_tokens_total", []), "mode")
    responses = samples.get("sglang:http_responses_total", [])
    prompt = counted(samples.get("sglang:prompt_tokens_total", []))
    generation = counted(samples.get("sglang:generation_tokens_total", []))
    return {
        "finished_requests": counted(samples.get("sglang:num_requests_total", [])),
        "request_errors": sum_of_known(
            counted(samples.get("sglang:num_aborted_requests_total", [])),
            counted(responses, lambda labels: re.fullmatch("5..", labels["status_code"]))),
        "prompt_tokens": counted(
            live, lambda labels: labels["mode"].startswith("prefill_")) if live else prompt,
        "generation_tokens": counted(
            live, lambda labels: labels["mode"] == "decode") if live else generation,
        "prefix_cache_hits": counted(samples.get("sglang:cached_tokens_total", [])),
        "prefix_cache_queries": prompt,
    }


def sglang_histogram(samples, name, chosen=lambda labels: True):
    buckets = first_ranks([row for row in samples.get(name + "_bucket", []) if chosen(row[0])],
                          "le", "is_streaming")
    sums = first_ranks([row for row in samples.get(name + "_sum", []) if chosen(row[0])],
                       "is_streaming")
    if not buckets:
        return None
    counts = defaultdict(float)
    for labels, value in buckets:
        counts[float(labels["le"])] += value
    bounds = sorted(counts)
    assert bounds[-1] == math.inf, name
    return {"edges": bounds[:-1], "cumulative": [counts[bound] for bound in bounds],
            "sum": math.fsum(value for _, value in sums)}


def sglang_histograms(samples):
    ttft = "sglang:time_to_first_token_seconds"
    return {
        "ttft_seconds":
            sglang_histogram(samples, ttft, lambda labels: labels.get("is_streaming") == "true")
            or sglang_histogram(samples, ttft, lambda labels: "is_streaming" not in labels),
        "inter_token_latency_seconds":
            sglang_histogram(samples, "sglang:inter_token_latency_seconds")
            or sglang_histogram(samples, "sglang:time_per_output_token_seconds"),
        "e2e_latency_seconds": sglang_histogram(samples, "sglang:e2e_request_latency_seconds"),
        "queue_time_seconds": sglang_histogram(samples, "sglang:queue_time_seconds")
            or sglang_histogram(samples, "sglang:queue_time_s"),
    }


def read_sglang(page):
    samples = samples_of(page)
    (model,) = {labels["model_name"] for rows in samples.values() for labels, _ in rows
                if "model_name" in labels}
    (role,) = {labels.get("engine_type", "unified")
               for labels, _ in samples["sglang:num_queue_reqs"]}
    queues = [total(sglang_ranks(samples, count, *names)) for names in SGLANG_QUEUES]
    running = sglang_ranks(samples, count, "sglang:num_running_reqs")
    return {
        "engine": "sglang", "variant": "", "asleep": False, "process_start": None,
        "series": {model: {
            "role": {"unified": "both"}.get(role, role),
            "gauges": known({
                "queue_depth": None if queues[0] is None else sum_of_known(*queues),
                "running_requests": total(running),
                "batch_size": mean(running),
                "kv_cache_utilization": mean(sglang_ranks(samples, ratio, "sglang:token_usage")),
                "prefix_cache_hit": mean(sglang_ranks(samples, ratio, "sglang:cache_hit_rate")),
            }),
            "kv_capacity_tokens": total(
                sglang_ranks(samples, count, "sglang:max_total_num_tokens")),
            "counters": known(sglang_counters(samples)),
            "histograms": known(sglang_histograms(samples)),
        }},
    }


# --- llama.cpp: no labels, no histograms; the mean time per token is a histogram without edges.

def read_llamacpp(page):
    samples = samples_of(page)

    def value(name, check=count):
        rows = samples.get("llamacpp:" + name)
        return check(rows[0][1]) if rows else None
    prompt, cached = value("prompt_tokens_total"), value("prompt_tokens_cached_total")
    return {
        "engine": "llamacpp", "variant": "", "asleep": False, "process_start": None,
        "series": {"": {
            "gauges": known({
                "queue_depth": value("requests_deferred"),
                "running_requests": value("requests_processing"),
                "batch_size": value("requests_processing"),
                "kv_cache_utilization": value("kv_cache_usage_ratio", ratio),
            }),
            "kv_capacity_tokens": None,
            "counters": known({
                "prompt_tokens": prompt,
                "generation_tokens": value("tokens_predicted_total"),
                "prefix_cache_hits": cached,
                "prefix_cache_queries": sum_of_known(cached, prompt),
            }),
            "histograms": {"inter_token_latency_seconds": {
                "edges": [], "cumulative": [value("tokens_predicted_total")],
                "sum": value("tokens_predicted_seconds_total")}},
        }},
    }


READERS = {"vllm-*": read_vllm, "live-vllm-*": read_vllm, "nasty-vllm-dp8-lora.prom": read_vllm,
           "nasty-huge-label.prom": read_vllm, "nasty-text-escapes.prom": read_vllm,
           "sglang-*.prom": read_sglang, "llamacpp-*.prom": read_llamacpp,
           "live-llamacpp-*.prom": read_llamacpp}


def main():
    pages = {page: reader for name, reader in READERS.items() for page in PAGES.glob(name)}
    for page, read in sorted(pages.items()):
        text = json.dumps(read(page), indent=2, ensure_ascii=False)
        text = re.sub(r"\[[^\]{}]*\]", lambda found: " ".join(found[0].split()), text)
        (HERE / (page.name + ".json")).write_text(text + "\n", encoding="utf-8")
        print(page.name)


if __name__ == "__main__":
    main()
