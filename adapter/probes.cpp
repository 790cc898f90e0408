#include "adapter/probes.h"

#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kBeatEvery{500};
constexpr std::chrono::milliseconds kDeadAfter{10'000};

bool is_probe(std::string_view name) {
  return name == "healthz" || name == "livez" || name == "readyz";
}

}  // namespace

Heartbeat::Heartbeat(EventLoop& loop, Clock clock)
    : loop_(loop), clock_(std::move(clock)), last_(clock_().steady) {
  beat();
}

Heartbeat::~Heartbeat() {
  loop_.cancel(timer_);
}

void Heartbeat::beat() {
  last_ = clock_().steady;
  timer_ = loop_.call_after(kBeatEvery, [this] { beat(); });
}

bool Heartbeat::alive() const {
  return clock_().steady - last_.load() < kDeadAfter;
}

void Probes::add_live(std::string name, Check check) {
  checks_.push_back({std::move(name), std::move(check), false});
}

void Probes::add_ready(std::string name, Check check) {
  checks_.push_back({std::move(name), std::move(check), true});
}

bool Probes::is_open(const RequestTarget& target) {
  return target.segments.size() == 1 && is_probe(target.segments.front());
}

bool Probes::is_health(const RequestTarget& target) {
  return !target.segments.empty() && target.segments.size() <= 2 &&
         is_probe(target.segments.front());
}

std::optional<HttpResponse> Probes::answer(const RequestTarget& target) const {
  if (!is_health(target)) return std::nullopt;
  const std::string& probe = target.segments.front();
  const std::string only = target.segments.size() == 2 ? target.segments[1] : std::string();
  const std::string_view excluded = target.parameter("exclude").value_or("");
  const Verdict verdict = run_checks([&](const Named& check) {
    if (check.only_ready && probe != "readyz") return false;
    return only.empty() ? check.name != excluded : check.name == only;
  });
  if (!only.empty() && verdict.looked == 0) {
    return make_response(404, "text/plain", "no such check\n");
  }
  const bool verbose = target.parameter("verbose").has_value();
  if (verdict.passed && !verbose) return make_response(200, "text/plain", "ok");
  return make_response(
      verdict.passed ? 200 : 500, "text/plain",
      fmt::format("{}{} check {}\n", verdict.lines, probe, verdict.passed ? "passed" : "failed"));
}

Probes::Verdict Probes::run_checks(const std::function<bool(const Named&)>& wanted) const {
  Verdict verdict;
  for (const Named& each : checks_) {
    if (!wanted(each)) continue;
    ++verdict.looked;
    const bool good = each.check();
    verdict.passed = verdict.passed && good;
    verdict.lines +=
        fmt::format("[{}]{} {}\n", good ? '+' : '-', each.name, good ? "ok" : "failed");
  }
  return verdict;
}

}  // namespace leadline
