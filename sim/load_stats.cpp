#include "sim/load_stats.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

// The value of rank ceil(q n): of 20 sorted values p95 is the 19th.
std::optional<double> exact_quantile(std::vector<double>& values, double quantile) {
  if (values.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(
      std::max(1.0, std::ceil(quantile * static_cast<double>(values.size()))));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

json quantiles(std::vector<double> values) {
  json object = json::object();
  const std::pair<const char*, double> wanted[] = {
      {"p50", .5}, {"p90", .9}, {"p95", .95}, {"p99", .99}, {"max", 1.}};
  for (const auto& [name, quantile] : wanted) {
    const auto value = exact_quantile(values, quantile);
    object[name] = value ? json(*value) : json();
  }
  return object;
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kInFlight:
      return "in_flight";
    case Outcome::kFinished:
      return "finished";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kDropped:
      return "dropped";
  }
  return "";
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{:.6f}", *value) : "";
}

}  // namespace

void LoadStats::on_sent(SteadyTime now) {
  ++totals_.sent;
  ++totals_.in_flight;
  recent_sent_.push_back({now, 1});
}

void LoadStats::on_first_token(SteadyTime now, double ttft_seconds) {
  ttft_.observe(ttft_seconds);
  recent_ttft_.push_back({now, ttft_seconds});
}

// Several tokens that came in one read came together: one gap, then zeroes.
void LoadStats::on_tokens(SteadyTime now, int tokens, std::optional<double> gap_seconds) {
  totals_.generation_tokens += static_cast<std::uint64_t>(tokens);
  if (gap_seconds) inter_token_.observe(*gap_seconds);
  for (int extra = 1; extra < tokens; ++extra) inter_token_.observe(0);
  recent_tokens_.push_back({now, static_cast<double>(tokens)});
  forget_before(now - kRecentWindow);
}

void LoadStats::on_end(const RequestRecord& record) {
  records_.push_back(record);
  if (record.sent) --totals_.in_flight;
  switch (record.outcome) {
    case Outcome::kFinished:
      ++totals_.finished;
      totals_.prompt_tokens += static_cast<std::uint64_t>(record.prompt_tokens);
      break;
    case Outcome::kRefused:
      ++totals_.refused;
      break;
    case Outcome::kDropped:
      ++totals_.dropped;
      break;
    default:
      ++totals_.failed;
      break;
  }
}

LoadProgress LoadStats::progress(SteadyTime start, SteadyTime now) {
  forget_before(now - kRecentWindow);
  LoadProgress progress;
  progress.totals = totals_;
  progress.elapsed_seconds = std::chrono::duration<double>(now - start).count();
  const double span =
      std::min(progress.elapsed_seconds, static_cast<double>(kRecentWindow.count()));
  double tokens = 0;
  for (const Moment& moment : recent_tokens_) tokens += moment.value;
  if (span > 0) {
    progress.tokens_per_second = tokens / span;
    progress.arrivals_per_second = static_cast<double>(recent_sent_.size()) / span;
  }
  std::vector<double> ttfts;
  ttfts.reserve(recent_ttft_.size());
  for (const Moment& moment : recent_ttft_) ttfts.push_back(moment.value);
  progress.ttft_p50 = exact_quantile(ttfts, .5);
  progress.ttft_p95 = exact_quantile(ttfts, .95);
  return progress;
}

void LoadStats::forget_before(SteadyTime horizon) {
  for (auto* recent : {&recent_sent_, &recent_ttft_, &recent_tokens_}) {
    while (!recent->empty() && recent->front().at < horizon) recent->pop_front();
  }
}

std::string LoadStats::summary_json(double slo_ttft_seconds, double elapsed_seconds) const {
  std::vector<double> ttfts;
  std::vector<double> e2es;
  std::size_t within = 0;
  for (const RequestRecord& record : records_) {
    if (record.ttft) ttfts.push_back(*record.ttft);
    if (record.outcome != Outcome::kFinished) continue;
    if (record.e2e) e2es.push_back(*record.e2e);
    if (record.ttft && *record.ttft <= slo_ttft_seconds) ++within;
  }
  const LoadTotals& t = totals_;
  json summary = {{"planned", t.planned},
                  {"sent", t.sent},
                  {"finished", t.finished},
                  {"refused", t.refused},
                  {"failed", t.failed},
                  {"dropped", t.dropped},
                  {"in_flight", t.in_flight},
                  {"prompt_tokens", t.prompt_tokens},
                  {"generation_tokens", t.generation_tokens},
                  {"elapsed_seconds", elapsed_seconds},
                  {"ttft_seconds", quantiles(std::move(ttfts))},
                  {"e2e_seconds", quantiles(std::move(e2es))},
                  {"slo_ttft_seconds", slo_ttft_seconds}};
  summary["slo_share"] =
      records_.empty() ? json()
                       : json(static_cast<double>(within) / static_cast<double>(records_.size()));
  for (const auto& [name, h] :
       {std::pair("ttft_histogram", &ttft_), std::pair("inter_token_histogram", &inter_token_)}) {
    summary[name] = {{"edges", h->edges}, {"counts", h->counts}, {"sum", h->sum}};
  }
  return summary.dump();
}

std::string LoadStats::records_csv() const {
  std::string csv =
      "arrival_s,sent_s,ttft_s,e2e_s,prompt_tokens,asked_tokens,generation_tokens,status,outcome\n";
  for (const RequestRecord& r : records_) {
    csv += fmt::format("{:.6f},{},{},{},{},{},{},{},{}\n", r.arrival, csv_number(r.sent),
                       csv_number(r.ttft), csv_number(r.e2e), r.prompt_tokens, r.asked_tokens,
                       r.generation_tokens, r.status, outcome_name(r.outcome));
  }
  return csv;
}

}  // namespace leadline
