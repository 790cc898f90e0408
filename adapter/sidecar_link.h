// SidecarLink keeps one long poll open to one pod's sidecar, for as long as it lives, and reports
// what comes. After a failure it asks again with a back-off of at most 1 s. The loop's thread only;
// destroying it closes the connection, and nothing is reported any more.

#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "adapter/snapshot_answer.h"
#include "daemon/event_loop.h"
#include "daemon/http_connection.h"

namespace leadline {

struct LinkTiming {
  std::chrono::milliseconds gap{200};     // between the starts of two polls
  std::chrono::milliseconds wait{1000};   // what the sidecar may park a poll for
  std::chrono::milliseconds slack{2000};  // beyond that, for the answer to come
};

class SidecarLink {
 public:
  using Report = std::function<void(PollResult)>;

  // The first poll goes out after `delay`. REQUIRES: pod.has_sidecar().
  SidecarLink(EventLoop& loop, Pod pod, Clock clock, Report report);
  ~SidecarLink();
  SidecarLink(const SidecarLink&) = delete;
  SidecarLink& operator=(const SidecarLink&) = delete;

  void start(std::chrono::milliseconds delay);
  void set_timing(const LinkTiming& timing) { timing_ = timing; }

 private:
  void poll();
  void answered(HttpResult result);
  [[nodiscard]] std::chrono::milliseconds pause() const;

  EventLoop& loop_;
  Pod pod_;
  Clock clock_;
  Report report_;
  HttpConnection connection_;
  LinkTiming timing_;
  std::string token_;
  SteadyTime started_;
  std::uint64_t failures_ = 0;  // in a row
  TimerId timer_ = 0;
};

}  // namespace leadline
