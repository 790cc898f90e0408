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

std::optional<HttpResponse> Probes::answer(const RequestTarget& target) const {
  if (target.segments.empty() || target.segments.size() > 2) return std::nullopt;
  const std::string& probe = target.segments.front();
  if (!is_probe(probe)) return std::nullopt;
  const std::string only = target.segments.size() == 2 ? target.segments[1] : std::string();
  const std::string_view excluded = target.parameter("exclude").value_or("");
  std::string lines;
  bool passed = true;
  std::size_t looked = 0;
  for (const Named& each : checks_) {
    if (each.only_ready && probe != "readyz") continue;
    if (!only.empty() ? each.name != only : each.name == excluded) continue;
    ++looked;
    const bool good = each.check();
    passed = passed && good;
    lines += fmt::format("[{}]{} {}\n", good ? '+' : '-', each.name, good ? "ok" : "failed");
  }
  if (!only.empty() && looked == 0) return make_response(404, "text/plain", "no such check\n");
  const bool verbose = target.parameter("verbose").has_value();
  if (passed && !verbose) return make_response(200, "text/plain", "ok");
  lines += fmt::format("{} check {}\n", probe, passed ? "passed" : "failed");
  return make_response(passed ? 200 : 500, "text/plain", std::move(lines));
}

}  // namespace leadline
