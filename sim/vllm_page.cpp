#include "sim/vllm_page.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sim/page_text.h"

namespace leadline {
namespace {

using LabelledCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;

// Writes families in the order it is called. Labels come out sorted by name, as the real page has
// them; for every vLLM family that puts `engine` first and `model_name` after `finished_reason` and
// `le`, before `reason`, `sleep_state` and `source`.
class PageWriter {
 public:
  explicit PageWriter(const PageInput& input)
      : model_(fmt::format("model_name=\"{}\"", escape_label(input.model_name))),
        engine_("engine=\"0\"," + model_),
        created_(input.created_seconds) {}

  void family(std::string_view name, std::string_view help, std::string_view type) {
    fmt::format_to(std::back_inserter(page_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
  }

  void sample(std::string_view name, std::string_view labels, double value) {
    if (labels.empty()) {
      fmt::format_to(std::back_inserter(page_), "{} {}\n", name, python_float(value));
    } else {
      fmt::format_to(std::back_inserter(page_), "{}{{{}}} {}\n", name, labels, python_float(value));
    }
  }

  void plain(std::string_view name, std::string_view help, std::string_view type, double value) {
    family(name, help, type);
    sample(name, "", value);
  }

  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, help, "gauge");
    sample(name, engine_, value);
  }

  void gauges(std::string_view name, std::string_view help, std::string_view label,
              const LabelledCounts& values) {
    family(name, help, "gauge");
    for (const auto& [value, count] : values) {
      sample(name, engine_labels(label, value), static_cast<double>(count));
    }
  }

  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(fmt::format("{}_total", name), help, "counter");
    sample(fmt::format("{}_total", name), engine_, static_cast<double>(value));
    created(name, help, {engine_});
  }

  void counters(std::string_view name, std::string_view help, std::string_view label,
                const LabelledCounts& values) {
    std::vector<std::string> label_sets;
    family(fmt::format("{}_total", name), help, "counter");
    for (const auto& [value, count] : values) {
      label_sets.push_back(engine_labels(label, value));
      sample(fmt::format("{}_total", name), label_sets.back(), static_cast<double>(count));
    }
    created(name, help, label_sets);
  }

  void histogram(std::string_view name, std::string_view help, const EdgeHistogram& histogram) {
    family(name, help, "histogram");
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      cumulative += histogram.counts[i];
      const std::string edge =
          i < histogram.edges.size() ? python_float(histogram.edges[i]) : "+Inf";
      sample(fmt::format("{}_bucket", name), fmt::format("engine=\"0\",le=\"{}\",{}", edge, model_),
             static_cast<double>(cumulative));
    }
    sample(fmt::format("{}_count", name), engine_, static_cast<double>(cumulative));
    sample(fmt::format("{}_sum", name), engine_, histogram.sum);
    created(name, help, {engine_});
  }

  // Each label set's creation time, as a gauge family of its own.
  void created(std::string_view name, std::string_view help,
               const std::vector<std::string>& label_sets) {
    family(fmt::format("{}_created", name), help, "gauge");
    for (const std::string& labels : label_sets) {
      sample(fmt::format("{}_created", name), labels, created_);
    }
  }

  [[nodiscard]] std::string engine_labels(std::string_view label, std::string_view value) const {
    const std::string extra = fmt::format("{}=\"{}\"", label, value);
    return label < "model_name" ? fmt::format("engine=\"0\",{},{}", extra, model_)
                                : fmt::format("{},{}", engine_, extra);
  }

  [[nodiscard]] const std::string& model_label() const { return model_; }
  [[nodiscard]] std::string take() { return std::move(page_); }

 private:
  std::string model_;
  std::string engine_;
  double created_;
  std::string page_;
};

void write_process(const PageInput& in, PageWriter& page) {
  page.plain("process_virtual_memory_bytes", "Virtual memory size in bytes.", "gauge",
             in.process.virtual_bytes);
  page.plain("process_resident_memory_bytes", "Resident memory size in bytes.", "gauge",
             in.process.resident_bytes);
  page.plain("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
             "gauge", in.process_start_seconds);
  page.plain("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
             "counter", in.process.cpu_seconds);
  page.plain("process_open_fds", "Number of open file descriptors.", "gauge", in.process.open_fds);
  page.plain("process_max_fds", "Maximum number of open file descriptors.", "gauge",
             in.process.max_fds);
}

// Present and stuck at 0 without --enable-mfu-metrics.
void write_estimates(PageWriter& page) {
  constexpr std::string_view kWhy = "per GPU (for Model Flops Utilization calculations).";
  page.counter("vllm:estimated_flops_per_gpu",
               fmt::format("Estimated number of floating point operations {}", kWhy), 0);
  page.counter("vllm:estimated_read_bytes_per_gpu",
               fmt::format("Estimated number of bytes read from memory {}", kWhy), 0);
  page.counter("vllm:estimated_write_bytes_per_gpu",
               fmt::format("Estimated number of bytes written to memory {}", kWhy), 0);
}

void write_scheduler(const PageInput& in, PageWriter& page) {
  page.gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
             in.running);
  page.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.",
             in.waiting);
  page.gauges(
      "vllm:num_requests_waiting_by_reason",
      "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for "
      "scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV "
      "transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
      "reason", {{"capacity", static_cast<std::uint64_t>(in.waiting)}, {"deferred", 0}});
  page.gauges("vllm:engine_sleep_state",
              "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is "
              "awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level "
              "2.",
              "sleep_state", {{"awake", 1}, {"weights_offloaded", 0}, {"discard_all", 0}});
  page.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.",
             static_cast<double>(in.kv_blocks_used) / in.config.kv_blocks);
}

// No prefix is ever cached here: queries count the prompts, hits stay 0.
void write_caches(const PageInput& in, PageWriter& page) {
  page.counter("vllm:prefix_cache_queries",
               "Prefix cache queries, in terms of number of queried tokens.",
               in.totals.prompt_tokens);
  page.counter("vllm:prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.",
               0);
  page.counter("vllm:external_prefix_cache_queries",
               "External prefix cache queries from KV connector cross-instance cache sharing, in "
               "terms of number of queried tokens.",
               0);
  page.counter(
      "vllm:external_prefix_cache_hits",
      "External prefix cache hits from KV connector cross-instance cache sharing, in terms "
      "of number of cached tokens.",
      0);
  page.counter("vllm:mm_cache_queries",
               "Multi-modal cache queries, in terms of number of queried items.", 0);
  page.counter("vllm:mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.",
               0);
}

void write_tokens(const EngineTotals& totals, PageWriter& page) {
  page.counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.",
               totals.preemptions);
  page.counter("vllm:prompt_tokens", "Number of prefill tokens processed.", totals.prompt_tokens);
  page.counters("vllm:prompt_tokens_by_source", "Number of prompt tokens by source.", "source",
                {{"local_compute", totals.prompt_tokens},
                 {"local_cache_hit", 0},
                 {"external_kv_transfer", 0}});
  page.counter("vllm:prompt_tokens_cached", "Number of cached prompt tokens (local + external).",
               0);
  page.counters("vllm:prompt_tokens_cached_by_source",
                "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), "
                "host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or "
                "external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + "
                "vllm:external_prefix_cache_hits.",
                "source",
                {{"device", 0}, {"host", 0}, {"p2p", 0}, {"disk", 0}, {"external_unspecified", 0}});
  page.counter("vllm:generation_tokens", "Number of generation tokens processed.",
               totals.generation_tokens);
}

void write_outcomes(const EngineTotals& totals, PageWriter& page) {
  page.counters("vllm:request_success", "Count of successfully processed requests.",
                "finished_reason",
                {{"stop", totals.finished_stop},
                 {"length", totals.finished_length},
                 {"abort", totals.finished_abort},
                 {"error", 0},
                 {"repetition", 0}});
  // The one vLLM family without an `engine` label (engines.md §26).
  constexpr std::string_view kHelp =
      "Number of admission attempts rejected by a queue limit, by reason.";
  const std::string requests = page.model_label() + ",reason=\"max_num_queued_reqs\"";
  const std::string tokens = page.model_label() + ",reason=\"max_num_queued_tokens\"";
  page.family("vllm:admission_rejections_total", kHelp, "counter");
  page.sample("vllm:admission_rejections_total", requests, static_cast<double>(totals.rejected));
  page.sample("vllm:admission_rejections_total", tokens, 0);
  page.created("vllm:admission_rejections", kHelp, {requests, tokens});
}

void write_size_histograms(const EngineTotals& totals, PageWriter& page) {
  page.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.",
                 totals.prompt_length);
  page.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.",
                 totals.generation_length);
  page.histogram("vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.",
                 totals.step_tokens);
  page.histogram("vllm:request_max_num_generation_tokens",
                 "Histogram of maximum number of requested generation tokens.",
                 totals.max_generation_length);
  page.histogram("vllm:request_params_n", "Histogram of the n request parameter.",
                 totals.parallel_samples);
  page.histogram("vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.",
                 totals.max_tokens_asked);
}

void write_time_histograms(const EngineTotals& totals, PageWriter& page) {
  page.histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.",
                 totals.ttft);
  page.histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.",
                 totals.inter_token);
  page.histogram("vllm:request_time_per_output_token_seconds",
                 "Histogram of time_per_output_token_seconds per request.",
                 totals.time_per_output_token);
  page.histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.",
                 totals.e2e);
  page.histogram("vllm:request_queue_time_seconds",
                 "Histogram of time spent in WAITING phase for request.", totals.queue_time);
  page.histogram("vllm:request_inference_time_seconds",
                 "Histogram of time spent in RUNNING phase for request.", totals.inference_time);
  page.histogram("vllm:request_prefill_time_seconds",
                 "Histogram of time spent in PREFILL phase for request.", totals.prefill_time);
  page.histogram("vllm:request_decode_time_seconds",
                 "Histogram of time spent in DECODE phase for request.", totals.decode_time);
  page.histogram("vllm:request_num_preemptions",
                 "Histogram of the number of times a request was preempted.",
                 totals.request_preemptions);
  page.histogram("vllm:request_prefill_kv_computed_tokens",
                 "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
                 totals.prefill_computed);
}

// The 37 labels of the real info line; only those that describe this engine vary.
std::string cache_config_labels(const PageInput& in) {
  const int tokens = in.config.kv_blocks * kKvBlockTokens;
  std::string labels = fmt::format(
      R"(_block_size_resolved="True",block_size="{0}",cache_dtype="auto",)"
      R"(cache_hit_alignment_tokens="None",)"
      R"(effective_attention_block_size="{0}",enable_mamba_shared_prefix_checkpoint="False",)"
      R"(enable_prefix_caching="False",engine="0",gpu_memory_utilization="0.92",)"
      R"(hash_block_size="None",)"
      R"(is_attention_free="False",kv_cache_dtype_skip_layers="[]",kv_cache_layout="None",)"
      R"(kv_cache_max_concurrency="{1}",kv_cache_memory_bytes="None",kv_cache_size_tokens="{2}",)"
      R"(kv_offloading_backend="native",kv_offloading_size="None",)"
      R"(kv_sharing_fast_prefill="False",)",
      kKvBlockTokens, python_float(static_cast<double>(tokens) / in.config.max_model_len), tokens);
  labels += fmt::format(
      R"(mamba_block_size="None",mamba_cache_dtype="auto",mamba_cache_mode="none",)"
      R"(mamba_page_size_padded="None",)"
      R"(mamba_ssm_cache_dtype="float32",num_cpu_blocks="None",num_gpu_blocks="{}",)"
      R"(num_gpu_blocks_override="None",prefix_cache_retention_interval="0",)"
      R"(prefix_caching_hash_algo="sha256",)"
      R"(prefix_match_unit="None",replayssm_buffer_len="16",skip_page_size_padded="None",)"
      R"(sliding_window="None",)"
      R"(swa_bounded_replay="True",use_kda_recoverssm="False",use_replayssm="False",)"
      R"(user_specified_block_size="False")",
      in.config.kv_blocks);
  if (!in.huge_label.empty()) labels += ",zz_huge=\"" + in.huge_label + '"';
  return labels;
}

void write_http(const PageInput& in, PageWriter& page) {
  constexpr std::string_view kHelp = "Total number of requests by method, status and handler.";
  page.family("http_requests_total", kHelp, "counter");
  const auto labels = [](const HttpCount& c) {
    return fmt::format("handler=\"{}\",method=\"{}\",status=\"{}\"", c.handler, c.method, c.status);
  };
  for (const HttpCount& c : in.http) {
    page.sample("http_requests_total", labels(c), static_cast<double>(c.count));
  }
  page.family("http_requests_created", kHelp, "gauge");
  for (const HttpCount& c : in.http) {
    page.sample("http_requests_created", labels(c), c.created_seconds);
  }
}

}  // namespace

std::string render_vllm_page(const PageInput& input) {
  PageWriter page(input);
  write_process(input, page);
  write_estimates(page);
  write_scheduler(input, page);
  write_caches(input, page);
  write_tokens(input.totals, page);
  write_outcomes(input.totals, page);
  write_size_histograms(input.totals, page);
  write_time_histograms(input.totals, page);
  page.family("vllm:cache_config_info", "Information of the LLMEngine CacheConfig", "gauge");
  page.sample("vllm:cache_config_info", cache_config_labels(input), 1);
  write_http(input, page);
  return page.take();
}

}  // namespace leadline
