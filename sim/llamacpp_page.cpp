#include "sim/llamacpp_page.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace leadline {
namespace {

class PageWriter {
 public:
  void counter(std::string_view name, std::string_view help, double value) {
    write(name, help, "counter", value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    write(name, help, "gauge", value);
  }
  [[nodiscard]] std::string take() { return std::move(page_); }

 private:
  // printf's %g: from 1,000,000 on, tokens are lost between the digits.
  void write(std::string_view name, std::string_view help, std::string_view type, double value) {
    fmt::format_to(std::back_inserter(page_),
                   "# HELP llamacpp:{0} {1}\n# TYPE llamacpp:{0} {2}\nllamacpp:{0} {3:g}\n", name,
                   help, type, value);
  }

  std::string page_;
};

// Prompt tokens count when they are evaluated, predicted ones when their request ends.
void write_tokens(const EngineTotals& totals, PageWriter& page) {
  page.counter("prompt_tokens_total", "Number of prompt tokens processed, excluding cached tokens",
               static_cast<double>(totals.prompt_tokens));
  page.counter("prompt_tokens_cached_total", "Number of prompt tokens reused from the cache", 0);
  page.counter("prompt_seconds_total", "Total time spent processing prompts",
               totals.prefill_time.sum);
  page.counter("tokens_predicted_total", "Number of generation tokens processed",
               totals.generation_length.sum);
  page.counter("tokens_predicted_seconds_total", "Total time spent generating tokens",
               totals.decode_time.sum);
}

void write_steps(const EngineTotals& totals, PageWriter& page) {
  page.counter("n_decode_total",
               "Total number of llama_decode() calls, excluding speculative decoding and "
               "multimodal decoding",
               static_cast<double>(totals.step_tokens.total()));
  page.counter("n_tokens_max", "Largest observed sequence length (prompt + generation)", 0);
  page.counter("spec_decode_num_draft_tokens_total", "Speculative: Total draft tokens generated",
               0);
  page.counter("spec_decode_num_accepted_tokens_total",
               "Speculative: Total draft tokens accepted by the target model", 0);
  page.counter("spec_decode_num_drafts_total",
               "Speculative: Total speculative decoding verification steps", 0);
}

double busy_slots(const EngineTotals& totals) {
  const auto steps = static_cast<double>(totals.step_tokens.total());
  return steps > 0 ? static_cast<double>(totals.generation_tokens) / steps : 0;
}

}  // namespace

std::string render_llamacpp_page(const PageInput& input) {
  PageWriter page;
  write_tokens(input.totals, page);
  write_steps(input.totals, page);
  // Averages since the last scrape: read often, they are 0 with every slot busy.
  page.gauge("prompt_tokens_seconds", "Average prompt throughput in tokens/s", 0);
  page.gauge("predicted_tokens_seconds", "Average generation throughput in tokens/s", 0);
  page.gauge("requests_processing", "Number of requests processing", input.running);
  page.gauge("requests_deferred", "Number of requests deferred", input.waiting);
  page.gauge("n_busy_slots_per_decode", "Average number of busy slots per llama_decode() call",
             busy_slots(input.totals));
  return page.take();
}

}  // namespace leadline
