// LoadStats counts what the load generator sent and got back, and sums it up.
//
// Pure: times are arguments. Not synchronised; LoadRunner holds the lock. Bounded: at most one
// record per arrival of the plan, and kRecentWindow of recent first tokens.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sim/histogram.h"
#include "sim/vllm_edges.h"

namespace leadline {

enum class Outcome {
  kInFlight,
  kFinished,
  kRefused,  // 429 or 503, nothing listening, or no engine to send to
  kFailed,   // any other status, a broken stream, a timeout
  kDropped,  // never sent: too many in flight
};

// One request, in seconds since the plan's start; nullopt: did not happen.
struct RequestRecord {
  double arrival = 0;  // as planned
  std::optional<double> sent;
  std::optional<double> ttft;  // since sent
  std::optional<double> e2e;   // since sent
  int prompt_tokens = 0;
  int asked_tokens = 0;
  int generation_tokens = 0;
  int status = 0;  // HTTP, 0 where none came
  Outcome outcome = Outcome::kInFlight;
};

struct LoadTotals {
  std::uint64_t planned = 0;
  std::uint64_t sent = 0;
  std::uint64_t finished = 0;
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t prompt_tokens = 0;      // of finished requests
  std::uint64_t generation_tokens = 0;  // received, of all requests
};

// The last kRecentWindow seconds, for a live view; quantiles are of single requests, exact.
struct LoadProgress {
  LoadTotals totals;
  double elapsed_seconds = 0;
  double arrivals_per_second = 0;
  double tokens_per_second = 0;
  std::optional<double> ttft_p50;
  std::optional<double> ttft_p95;
};

inline constexpr std::chrono::seconds kRecentWindow{10};

class LoadStats {
 public:
  explicit LoadStats(std::size_t planned) { totals_.planned = planned; }

  void on_sent(SteadyTime now);
  // `tokens` came; `first` for the request's first, with its TTFT; otherwise the gap is observed.
  void on_tokens(SteadyTime now, int tokens, std::optional<double> gap_seconds);
  void on_first_token(SteadyTime now, double ttft_seconds);
  void on_end(const RequestRecord& record);

  [[nodiscard]] LoadProgress progress(SteadyTime start, SteadyTime now);
  [[nodiscard]] const LoadTotals& totals() const { return totals_; }
  [[nodiscard]] const std::vector<RequestRecord>& records() const { return records_; }

  // One JSON object: totals, quantiles, TTFT histogram at vLLM's edges, SLO share. The share is of
  // all ended requests: one that was refused or failed missed it.
  [[nodiscard]] std::string summary_json(double slo_ttft_seconds, double elapsed_seconds) const;

  // arrival_s,sent_s,ttft_s,e2e_s,prompt_tokens,asked_tokens,generation_tokens,status,outcome
  [[nodiscard]] std::string records_csv() const;

 private:
  struct Moment {
    SteadyTime at;
    double value;
  };
  void forget_before(SteadyTime horizon);

  LoadTotals totals_;
  EdgeHistogram ttft_{ttft_edges()};
  EdgeHistogram inter_token_{token_gap_edges()};
  std::vector<RequestRecord> records_;
  std::deque<Moment> recent_sent_;
  std::deque<Moment> recent_ttft_;
  std::deque<Moment> recent_tokens_;
};

}  // namespace leadline
