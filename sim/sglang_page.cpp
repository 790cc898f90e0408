#include "sim/sglang_page.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sim/page_text.h"

namespace leadline {
namespace {

// Two processes print: the scheduler with its ranks, the tokenizer with the model alone.
class PageWriter {
 public:
  explicit PageWriter(const PageInput& input)
      : model_(fmt::format("model_name=\"{}\"", escape_label(input.model_name))) {}

  void family(std::string_view name, std::string_view help, std::string_view type) {
    fmt::format_to(std::back_inserter(page_), "# HELP sglang:{0} {1}\n# TYPE sglang:{0} {2}\n",
                   name, help, type);
  }

  void sample(std::string_view name, std::string_view labels, double value) {
    fmt::format_to(std::back_inserter(page_), "sglang:{}{{{}}} {}\n", name, labels,
                   python_float(value));
  }

  // Labels come out sorted by name; `extra` are those between engine_type and model_name, such as
  // `le="1.0",`, and `pid` those behind moe_ep_rank.
  [[nodiscard]] std::string ranks(std::string_view extra = "", std::string_view pid = "") const {
    return fmt::format(R"(engine_type="unified",{}{},moe_ep_rank="0",{}pp_rank="0",tp_rank="0")",
                       extra, model_, pid);
  }
  // `streaming`: its label, or empty.
  [[nodiscard]] std::string tokenizer(std::string_view streaming = "") const {
    return std::string(streaming) + model_;
  }

  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, help, "gauge");
    sample(name, ranks(), value);
  }

  void buckets(std::string_view name, const EdgeHistogram& histogram, std::string_view before,
               std::string_view after) {
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      cumulative += histogram.counts[i];
      const std::string edge =
          i < histogram.edges.size() ? python_float(histogram.edges[i]) : "+Inf";
      sample(fmt::format("{}_bucket", name), fmt::format("{}le=\"{}\",{}", before, edge, after),
             static_cast<double>(cumulative));
    }
    sample(fmt::format("{}_count", name), fmt::format("{}{}", before, after),
           static_cast<double>(cumulative));
  }

  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] std::string take() { return std::move(page_); }

 private:
  std::string model_;
  std::string page_;
};

using Requests = SglangTotals::Requests;
using Stream = std::pair<std::string_view, const Requests*>;

std::array<Stream, 2> streams(const PageInput& in) {
  return {Stream{R"(is_streaming="true",)", &in.totals.sglang.streaming},
          Stream{R"(is_streaming="false",)", &in.totals.sglang.whole}};
}

// Probes and scrapes are counted beside requests.
void write_http(const PageInput& in, PageWriter& page) {
  if (in.http.empty()) return;
  page.family("http_responses_total", "Total number of HTTP responses by endpoint and status code",
              "counter");
  for (const HttpCount& count : in.http) {
    page.sample("http_responses_total",
                fmt::format(R"(endpoint="{}",method="{}",status_code="{}00")", count.handler,
                            count.method, count.status.substr(0, 1)),
                static_cast<double>(count.count));
  }
}

void write_split(std::string_view name, std::string_view help, const PageInput& in,
                 EdgeHistogram Requests::* which, PageWriter& page) {
  if (((in.totals.sglang.streaming.*which).total() + (in.totals.sglang.whole.*which).total()) == 0)
    return;
  page.family(name, help, "histogram");
  for (const auto& [label, requests] : streams(in)) {
    if ((requests->*which).total() == 0) continue;
    page.sample(fmt::format("{}_sum", name), page.tokenizer(label), (requests->*which).sum);
  }
  for (const auto& [label, requests] : streams(in)) {
    if ((requests->*which).total() > 0) page.buckets(name, requests->*which, label, page.model());
  }
}

void write_latencies(const PageInput& in, PageWriter& page) {
  write_split("time_to_first_token_seconds", "Histogram of time to first token in seconds.", in,
              &Requests::ttft, page);
  const EdgeHistogram& gaps = in.totals.sglang.inter_token;
  if (gaps.total() > 0) {
    constexpr std::string_view kGaps = "inter_token_latency_seconds";
    page.family(kGaps, "Histogram of inter-token latency in seconds.", "histogram");
    page.sample("inter_token_latency_seconds_sum", page.tokenizer(), gaps.sum);
    page.buckets(kGaps, gaps, "", page.model());
  }
  write_split("e2e_request_latency_seconds", "Histogram of End-to-end request latency in seconds",
              in, &Requests::e2e, page);
}

void write_live_tokens(const PageInput& in, PageWriter& page) {
  if (in.totals.prompt_tokens == 0) return;
  page.family("realtime_tokens_total",
              "Total number of tokens processed (updated on each log interval). mode: "
              "prefill_compute, prefill_cache, decode.",
              "counter");
  const auto mode = [&](std::string_view name, std::uint64_t tokens) {
    page.sample("realtime_tokens_total", page.ranks(fmt::format("mode=\"{}\",", name)),
                static_cast<double>(tokens));
  };
  mode("prefill_compute", in.totals.prompt_tokens);
  mode("prefill_cache", 0);
  mode("decode", in.totals.generation_tokens);
}

void write_queues(const PageInput& in, PageWriter& page) {
  page.gauge("num_running_reqs", "The number of running requests.", in.running);
  page.gauge("num_queue_reqs", "The number of requests in the waiting queue.", in.waiting);
  constexpr std::string_view kHelp = "The number of requests in the {} queue.";
  for (const auto& [name, words] : std::array<std::pair<std::string_view, std::string_view>, 5>{{
           {"num_grammar_queue_reqs", "grammar waiting"},
           {"num_prefill_bootstrap_queue_reqs", "prefill bootstrap"},
           {"num_prefill_inflight_queue_reqs", "prefill inflight"},
           {"num_decode_prealloc_queue_reqs", "decode prealloc"},
           {"num_decode_transfer_queue_reqs", "decode transfer"},
       }}) {
    page.gauge(name, fmt::format(fmt::runtime(kHelp), words), 0);
  }
}

// Gauges that mislead: one that sticks when the engine falls idle, one that is NaN, one per
// process, and one with edges that is no histogram.
void write_traps(const PageInput& in, PageWriter& page) {
  const double busy = in.totals.decode_time.sum;
  page.gauge("gen_throughput", "The generation throughput (token/s).",
             busy > 0 ? static_cast<double>(in.totals.generation_tokens) / busy : 0);
  page.gauge("fwd_occupancy", "Forward pass GPU occupancy percentage.",
             std::numeric_limits<double>::quiet_NaN());
  page.family("num_retracted_reqs", "The number of retracted requests.", "gauge");
  page.sample("num_retracted_reqs", page.ranks("", "pid=\"28095\","), 0);
  constexpr std::string_view kKeys = "routing_key_running_req_count";
  page.family(kKeys, "Distribution of routing keys by running request count (gt < count <= le).",
              "gauge");
  for (const std::string_view edges : {R"(gt="0",le="1",)", R"(gt="200",le="+Inf",)"}) {
    page.sample(kKeys, page.ranks(edges), 0);
  }
}

void write_scheduler(const PageInput& in, PageWriter& page) {
  page.gauge("max_total_num_tokens", "Maximum total number of tokens in the KV cache pool.",
             in.config.kv_blocks * kKvBlockTokens);
  if (in.totals.accepted == 0 && in.waiting + in.running == 0) return;
  write_queues(in, page);
  page.gauge("token_usage", "The token usage.",
             static_cast<double>(in.kv_blocks_used) / in.config.kv_blocks);
  page.gauge("cache_hit_rate", "The prefix cache hit rate.", 0);
  write_traps(in, page);
  const EdgeHistogram& queued = in.totals.sglang.queue_time;
  if (queued.total() == 0) return;
  page.family("queue_time_seconds", "Histogram of queueing time in seconds.", "histogram");
  page.sample("queue_time_seconds_sum", page.ranks(), queued.sum);
  page.buckets("queue_time_seconds", queued, "engine_type=\"unified\",",
               page.model() + R"(,moe_ep_rank="0",pp_rank="0",tp_rank="0")");
}

// They move when a request finishes; aborted ones are counted apart.
void write_finished(const PageInput& in, PageWriter& page) {
  const auto split = [&](std::string_view name, std::string_view help,
                         std::uint64_t Requests::* which) {
    page.family(name, help, "counter");
    for (const auto& [label, requests] : streams(in)) {
      if (requests->finished == 0) continue;
      page.sample(name, page.tokenizer(label), static_cast<double>(requests->*which));
    }
  };
  if (in.totals.sglang.streaming.finished + in.totals.sglang.whole.finished > 0) {
    split("prompt_tokens_total", "Number of prefill tokens processed.", &Requests::prompt_tokens);
    split("generation_tokens_total", "Number of generation tokens processed.",
          &Requests::generation_tokens);
    split("num_requests_total", "Number of requests processed.", &Requests::finished);
  }
  if (in.totals.finished_abort == 0) return;
  page.family("num_aborted_requests_total", "Number of requests aborted.", "counter");
  page.sample("num_aborted_requests_total", page.tokenizer(),
              static_cast<double>(in.totals.finished_abort));
}

}  // namespace

std::string render_sglang_page(const PageInput& input) {
  PageWriter page(input);
  write_http(input, page);
  write_latencies(input, page);
  write_live_tokens(input, page);
  write_scheduler(input, page);
  write_finished(input, page);
  return page.take();
}

}  // namespace leadline
