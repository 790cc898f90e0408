#include "sidecar/snapshot_endpoint.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "sidecar/query.h"

namespace leadline {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr const char* kContentType = "application/x-protobuf";

// nullopt: not a whole number of milliseconds. Longer waits are cut, not refused.
std::optional<milliseconds> wait_of(std::string_view raw) {
  const auto text = query_value(raw, "wait_ms");
  if (!text) return kDefaultPollWait;
  std::uint32_t wait = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), wait);
  if (error != std::errc{} || stop != text->data() + text->size()) return std::nullopt;
  return std::min(milliseconds(wait), kLongestPollWait);
}

// The client's age of a sample is age - parked + its own elapsed time: rounding the first up and
// the second down may make a sample a part of a millisecond older, never younger.
std::string age_ms(SteadyTime::duration age) {
  return std::to_string(std::max(std::chrono::ceil<milliseconds>(age), milliseconds(0)).count());
}

std::string parked_ms(SteadyTime::duration parked) {
  return std::to_string(duration_cast<milliseconds>(parked).count());
}

}  // namespace

SnapshotEndpoint::SnapshotEndpoint(SnapshotPublisher& publisher, Timers& timers, Clock clock)
    : publisher_(publisher), timers_(timers), clock_(std::move(clock)) {
  publisher_.on_news([this] { answer_all(200); });
}

SnapshotEndpoint::~SnapshotEndpoint() {
  publisher_.on_news(nullptr);
  for (const Poll& poll : parked_) timers_.cancel(poll.timer);
}

void SnapshotEndpoint::handle(const HttpRequest& request, Respond respond) {
  const auto wait = wait_of(request.target);
  if (!wait) {
    ++stats_.malformed;
    respond(make_response(
        400, "text/plain",
        fmt::format("wait_ms must be a whole number in [0, {}]\n", kLongestPollWait.count())));
    return;
  }
  if (query_value(request.target, "after") != publisher_.token()) {
    answer({std::move(respond), clock_().steady}, 200);
  } else if (draining_ || *wait == milliseconds::zero()) {
    answer({std::move(respond), clock_().steady}, 204);
  } else {
    park(std::move(respond), *wait);
  }
}

void SnapshotEndpoint::park(Respond respond, milliseconds wait) {
  if (parked_.size() >= kMaxParkedPolls) {
    ++stats_.refused;
    respond(make_response(429, "text/plain",
                          fmt::format("{} polls are parked already\n", kMaxParkedPolls)));
    return;
  }
  const auto poll = parked_.insert(parked_.end(), {std::move(respond), clock_().steady});
  poll->timer = timers_.call_after(wait, [this, poll] {
    const Poll over = std::move(*poll);
    parked_.erase(poll);
    answer(over, 204);
  });
}

void SnapshotEndpoint::answer_all(int status) {
  // Answering may bring the next request of the same client: it parks in the emptied list.
  const std::list<Poll> polls = std::exchange(parked_, {});
  for (const Poll& poll : polls) {
    timers_.cancel(poll.timer);
    answer(poll, status);
  }
}

void SnapshotEndpoint::answer(const Poll& poll, int status) {
  const SteadyTime now = clock_().steady;
  HttpResponse response{.status = status, .content_type = "", .headers = {}, .body = nullptr};
  response.headers.push_back({"Leadline-Token", publisher_.token()});
  response.headers.push_back({"Leadline-Parked-Ms", parked_ms(now - poll.since)});
  if (const auto sampled_at = publisher_.sampled_at()) {
    response.headers.push_back({"Leadline-Sample-Age-Ms", age_ms(now - *sampled_at)});
  }
  if (status == 200) {
    response.content_type = kContentType;
    response.body = publisher_.body();
  }
  ++(status == 200 ? stats_.bodies : stats_.no_news);
  poll.respond(std::move(response));
}

void SnapshotEndpoint::drain() {
  draining_ = true;
  answer_all(204);
}

PollStats SnapshotEndpoint::stats() const {
  PollStats stats = stats_;
  stats.parked = parked_.size();
  return stats;
}

}  // namespace leadline
