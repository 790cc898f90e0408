#include "sidecar/once.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "daemon/event_loop.h"
#include "daemon/exit_codes.h"
#include "sidecar/engine_client.h"
#include "sidecar/engine_finder.h"
#include "sidecar/once_report.h"
#include "sidecar/scraper.h"

namespace leadline {
namespace {

// A rate needs two scrapes at least a second apart (design page, rule 1); a little more, so that no
// rounding makes it less.
constexpr std::chrono::milliseconds kBetweenLooks{1010};

class TwoLooks {
 public:
  explicit TwoLooks(const SidecarConfig& config)
      : client_(loop_),
        scraper_(client_, config.scraper, system_now, metrics_),
        finder_(scraper_, config.address) {}

  OnceReport run() {
    loop_.post(
        [this] { finder_.search([this](FindOutcome found) { first_look(std::move(found)); }); });
    loop_.run();
    return std::move(report_);
  }

 private:
  void first_look(FindOutcome found) {
    if (!found.endpoint) return finish(failure_report(found));
    endpoint_ = *found.endpoint;
    why_ = found.outcome.why;
    keep(found.outcome);
    const auto since = system_now().steady - found.outcome.started.steady;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(kBetweenLooks - since);
    loop_.call_after(std::max(wait, std::chrono::milliseconds(0)), [this] { second_look(); });
  }

  void second_look() {
    scraper_.scrape(endpoint_, [this](const ScrapeOutcome& outcome) {
      if (outcome.result == ScrapeResult::kOk) {
        keep(outcome);
        return finish(report_of(*tracker_.view(), why_, outcome.started.steady));
      }
      FindOutcome lost;
      lost.outcome = outcome;
      lost.telling = endpoint_;
      lost.tried.push_back({endpoint_, outcome.result, outcome.why});
      finish(failure_report(lost));
    });
  }

  void keep(const ScrapeOutcome& outcome) {
    // Its log lines would say again what the report says.
    static_cast<void>(tracker_.take(outcome, to_text(endpoint_), kBetweenLooks));
  }

  void finish(OnceReport report) {
    report_ = std::move(report);
    loop_.stop();
  }

  EventLoop loop_;
  HttpEngineClient client_;
  SelfMetrics metrics_;
  Scraper scraper_;
  EngineFinder finder_;
  EngineTracker tracker_;
  HttpUrl endpoint_;
  std::string why_;
  OnceReport report_;
};

}  // namespace

int run_once(const SidecarConfig& config) {
  const OnceReport report = TwoLooks(config).run();
  const bool found = report.error.empty();
  const std::string text = config.json ? once_json(report) : once_table(report);
  std::FILE* out = found || config.json ? stdout : stderr;
  fmt::print(out, "{}", text);
  if (!found && config.json) fmt::print(stderr, "leadline-sidecar: {}\n", report.error);
  return found ? kExitOk : kExitUnavailable;
}

}  // namespace leadline
