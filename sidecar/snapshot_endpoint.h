// SnapshotEndpoint answers `GET /snapshot?after=<token>&wait_ms=`: the long poll that adapters keep
// open. A token other than the newest one (absent, unknown, unparsable, of another process, of the
// future) is answered at once; the newest one parks the request until there is news (200 with the
// body) or wait_ms passed (204 without). Source: design page, "Snapshot protocol".
//
// Headers of every 200 and 204:
//   Leadline-Token          what to send as `after` next time
//   Leadline-Sample-Age-Ms  age of the body's values at sending, steady clock; missing while the
//   body
//                           holds none
//   Leadline-Parked-Ms      how long this request waited here: the client must not take it for age
//
// The loop's thread only. Bounds: 16 parked requests (one more is answered 429), 10 s each.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string_view>

#include "base/clock.h"
#include "daemon/http_server.h"
#include "sidecar/snapshot_publisher.h"
#include "sidecar/timers.h"

namespace leadline {

inline constexpr std::size_t kMaxParkedPolls = 16;
inline constexpr std::chrono::milliseconds kDefaultPollWait{1000};
inline constexpr std::chrono::milliseconds kLongestPollWait{10000};

// Counters since start, except `parked`.
struct PollStats {
  std::size_t parked = 0;  // now
  std::uint64_t bodies = 0, no_news = 0, refused = 0, malformed = 0;
};

class SnapshotEndpoint {
 public:
  // Becomes the publisher's listener. Both references outlive it.
  SnapshotEndpoint(SnapshotPublisher& publisher, Timers& timers, Clock clock);
  ~SnapshotEndpoint();
  SnapshotEndpoint(const SnapshotEndpoint&) = delete;
  SnapshotEndpoint& operator=(const SnapshotEndpoint&) = delete;

  void handle(const HttpRequest& request, Respond respond);

  // Answers every parked poll with 204 at once, and parks none from now on.
  void drain();

  [[nodiscard]] PollStats stats() const;

 private:
  struct Poll {
    Respond respond;
    SteadyTime since;
    TimerId timer = 0;
  };

  void park(Respond respond, std::chrono::milliseconds wait);
  void answer_all(int status);
  void answer(const Poll& poll, int status);

  SnapshotPublisher& publisher_;
  Timers& timers_;
  Clock clock_;
  std::list<Poll> parked_;  // at most kMaxParkedPolls; a list, since each timer keeps its iterator
  PollStats stats_;
  bool draining_ = false;
};

}  // namespace leadline
