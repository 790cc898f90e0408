// Probes answer /healthz, /livez and /readyz as Kubernetes' own servers do: `ok`, or one line a
// check. Alive: our loops turn, whatever the sidecars do. Ready: there is a pod list, each pod that
// was Ready at the start was tried, and we are not shutting down. Source: kubernetes-metrics-api.md
// §3.5. Thread-safe after the checks were added.

#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/request_target.h"
#include "base/clock.h"
#include "daemon/event_loop.h"
#include "daemon/http.h"

namespace leadline {

// Tells whether a loop still turns: its thread beats, any thread looks.
class Heartbeat {
 public:
  Heartbeat(EventLoop& loop, Clock clock);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  [[nodiscard]] bool alive() const;

 private:
  void beat();

  EventLoop& loop_;
  Clock clock_;
  std::atomic<SteadyTime> last_;
  TimerId timer_ = 0;
};

class Probes {
 public:
  using Check = std::function<bool()>;

  void add_live(std::string name, Check check);
  void add_ready(std::string name, Check check);  // besides the live ones

  // Whether the path is exactly one of the three, which need no identity.
  [[nodiscard]] static bool is_open(const RequestTarget& target);

  // Whether it is one of the three, or one check of them.
  [[nodiscard]] static bool is_health(const RequestTarget& target);

  // nullopt: not a health path. 200 or 500; 404 for a check that does not exist.
  [[nodiscard]] std::optional<HttpResponse> answer(const RequestTarget& target) const;

 private:
  struct Named {
    std::string name;
    Check check;
    bool only_ready;
  };
  struct Verdict {
    bool passed = true;
    std::size_t looked = 0;  // checks that were wanted
    std::string lines;       // `[+]name ok`, one a check
  };
  [[nodiscard]] Verdict run_checks(const std::function<bool(const Named&)>& wanted) const;

  std::vector<Named> checks_;
};

}  // namespace leadline
