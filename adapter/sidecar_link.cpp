#include "adapter/sidecar_link.h"

#include <algorithm>
#include <utility>

#include "engine/snapshot_codec.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{200};
constexpr milliseconds kLongestBackOff{1000};

HttpUrl sidecar_of(const Pod& pod) {
  return {.scheme = "http", .host = pod.ip, .port = pod.port, .path = "/snapshot"};
}

}  // namespace

SidecarLink::SidecarLink(EventLoop& loop, Pod pod, Clock clock, Report report)
    : loop_(loop),
      pod_(std::move(pod)),
      clock_(std::move(clock)),
      report_(std::move(report)),
      connection_(loop, sidecar_of(pod_)) {}

SidecarLink::~SidecarLink() {
  loop_.cancel(timer_);
}

void SidecarLink::start(milliseconds delay) {
  timer_ = loop_.call_after(delay, [this] { poll(); });
}

void SidecarLink::poll() {
  started_ = clock_().steady;
  HttpGet get;
  // Without a token the sidecar answers at once, whatever wait_ms says.
  get.target = token_.empty()
                   ? fmt::format("/snapshot?wait_ms={}", timing_.wait.count())
                   : fmt::format("/snapshot?after={}&wait_ms={}", token_, timing_.wait.count());
  get.body_limit = kMaxSnapshotBytes;
  get.timeout = timing_.wait + timing_.slack;
  connection_.get(std::move(get), [this](HttpResult result) { answered(std::move(result)); });
}

void SidecarLink::answered(HttpResult result) {
  PollResult read = result ? read_snapshot_answer(*result, pod_)
                           : PollResult(tl::unexpect, poll_failure(result.error()));
  // After a failure the body must come anew: a refused one's token would keep it away.
  token_ = read ? read->token : std::string();
  failures_ = read ? 0 : failures_ + 1;
  // A timer that is due at once would be armed in the kernel all the same, at a fifth of all CPU.
  if (const milliseconds rest = pause(); rest > milliseconds{0}) {
    timer_ = loop_.call_after(rest, [this] { poll(); });
  } else {
    poll();
  }
  report_(std::move(read));
}

// From now to the next poll: the rest of the gap, or the back-off: 200, 400, 800, 1,000 ms …
milliseconds SidecarLink::pause() const {
  const auto used = std::chrono::duration_cast<milliseconds>(clock_().steady - started_);
  const milliseconds rest = std::max(timing_.gap - used, milliseconds{0});
  if (failures_ == 0) return rest;
  const auto doublings = std::min<std::uint64_t>(failures_ - 1, 8);
  return std::max(rest, std::min(kFirstBackOff * (1 << doublings), kLongestBackOff));
}

}  // namespace leadline
