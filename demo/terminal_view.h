// TerminalView shows the run as it happens: a frame that is drawn over itself on a terminal, or one
// line a second with --plain and wherever stdout is not a terminal. Owned by the demo's loop.

#pragma once

#include <deque>
#include <optional>
#include <string>

namespace leadline {

// What is shown; nullopt = the API gave nothing, shown as `-`.
struct Frame {
  double t = 0;         // seconds since the load began
  double duration = 0;  // seconds the load lasts
  double offered_per_second = 0;
  std::optional<double> in_flight, queue, ttft_p95_seconds, tokens_per_second, newest_sample_age;
  int wanted = 0, existing = 0, ready = 0, least = 1, most = 1;
  std::string phase;          // `warm-up`, `load`, …
  std::string last_decision;  // `5.0 s: 1 -> 3: deployment metric …`
};

class TerminalView {
 public:
  explicit TerminalView(bool plain) : plain_(plain) {}

  void show(const Frame& frame);

  // A line from beside the run, such as kubectl's. The first is a heading and stays; of the others
  // the newest are shown beneath the frame. Plain: each at once.
  void add_line(std::string line);

  // The frame stays where it is; what comes now is shown beneath it, as if plain.
  void end() { plain_ = true; }

 private:
  bool plain_;
  int drawn_rows_ = 0;  // the cursor goes up by so many to draw the next frame over this one
  std::string heading_;
  std::deque<std::string> lines_;
  std::deque<double> load_history_, replica_history_;  // one entry a second, at most 60
};

// Pure, for tests: `t=12.0s load=3.1/s in_flight=4 …`.
[[nodiscard]] std::string plain_line(const Frame& frame);

// Eight levels of a block character, scaled to the highest value: ▁▂▃▄▅▆▇█.
[[nodiscard]] std::string sparkline(const std::deque<double>& values);

}  // namespace leadline
