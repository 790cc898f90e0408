#include "adapter/snapshot_answer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/snapshot_codec.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxToken = 64;
constexpr std::int64_t kMaxMilliseconds = 1'000'000'000'000;  // 30 years

tl::unexpected<PollFailure> failed(const char* reason, Error error, bool other_pod = false) {
  return tl::unexpected<PollFailure>({reason, std::move(error), other_pod});
}

// It goes back into a URL as it came.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.' || c == '_';
         });
}

std::optional<milliseconds> milliseconds_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && stop == text.data() + text.size();
  if (!whole || value < 0 || value > kMaxMilliseconds) return std::nullopt;
  return milliseconds(value);
}

// nullopt where a header is malformed, or missing where values came.
std::optional<SteadyTime> sampled_at(const HttpAnswer& answer, bool has_values) {
  const auto parked = milliseconds_in(first_header(answer.headers, "Leadline-Parked-Ms"));
  const auto age_text = first_header(answer.headers, "Leadline-Sample-Age-Ms");
  const auto age = age_text.empty() && !has_values ? milliseconds{0} : milliseconds_in(age_text);
  if (!parked || !age) return std::nullopt;
  const auto on_the_way = answer.received_at - answer.sent_at - *parked;
  return answer.received_at - *age - std::max(on_the_way, SteadyTime::duration::zero());
}

bool is_of(const PodIdentity& said, const Pod& pod) {
  return said.namespace_name == pod.namespace_name && said.name == pod.name &&
         (pod.uid.empty() || said.uid == pod.uid);
}

}  // namespace

PollResult read_snapshot_answer(const HttpAnswer& answer, const Pod& pod) {
  if (answer.status != 200 && answer.status != 204) {
    const char* reason = answer.status == 429 ? "busy" : "status";
    return failed(reason, {Errc::kUnavailable, fmt::format("HTTP status {}", answer.status)});
  }
  const auto token = first_header(answer.headers, "Leadline-Token");
  if (!is_token(token)) {
    return failed("bad_answer", {Errc::kBadInput, "no Leadline-Token: is this a sidecar?"});
  }
  if (answer.status == 204) return SnapshotAnswer{std::string(token), std::nullopt, {}};

  auto snapshot = decode_snapshot(answer.body);
  if (!snapshot) return failed("bad_answer", snapshot.error());
  if (!is_of(snapshot->pod, pod)) {
    return failed("mismatch",
                  {Errc::kBadInput, fmt::format("the sidecar there says it is of pod {}/{} uid {}",
                                                snapshot->pod.namespace_name, snapshot->pod.name,
                                                snapshot->pod.uid)},
                  /*other_pod=*/true);
  }
  const auto at = sampled_at(answer, !snapshot->series.empty());
  if (!at) return failed("bad_answer", {Errc::kBadInput, "it does not say how old its values are"});
  return SnapshotAnswer{std::string(token), std::move(*snapshot), *at};
}

PollFailure poll_failure(const HttpError& error) {
  return {failure_name(error.failure), error.error, false};
}

}  // namespace leadline
