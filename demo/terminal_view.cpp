#include "demo/terminal_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::size_t kHistory = 60;
constexpr std::size_t kLines = 6;  // beneath the frame

// A row that is wider than the terminal is cut there: wrapped, it would be two, and the next frame
// would begin too low.
constexpr std::string_view kCutRows = "\x1b[?7l";
constexpr std::string_view kWrapRows = "\x1b[?7h";

std::string number(const std::optional<double>& value, int decimals, std::string_view unit = "") {
  if (!value) return "-";
  return fmt::format("{:.{}f}{}", *value, decimals, unit);
}

void remember(std::deque<double>& history, double value) {
  history.push_back(value);
  if (history.size() > kHistory) history.pop_front();
}

std::string row(std::string_view name, const std::string& value, const std::string& picture = "") {
  return fmt::format("\x1b[2K  {:<15}{:>12}  {}\n", name, value, picture);
}

// `###..` = three Ready, two still starting.
std::string replica_bar(const Frame& frame) {
  const auto ready = static_cast<std::size_t>(std::max(frame.ready, 0));
  const auto starting = static_cast<std::size_t>(std::max(frame.existing - frame.ready, 0));
  return std::string(ready, '#') + std::string(starting, '.');
}

// As many rows whatever there is, so that the frame keeps its place.
std::string lines_beneath(const std::string& heading, const std::deque<std::string>& lines) {
  std::string text = fmt::format("\x1b[2K\n\x1b[2K  {}\n", heading);
  for (const std::string& line : lines) text += fmt::format("\x1b[2K  {}\n", line);
  for (std::size_t i = lines.size(); i < kLines; ++i) text += "\x1b[2K\n";
  return text;
}

}  // namespace

std::string sparkline(const std::deque<double>& values) {
  static constexpr std::array<std::string_view, 8> kLevels = {"▁", "▂", "▃", "▄",
                                                              "▅", "▆", "▇", "█"};
  const double highest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  std::string text;
  for (const double value : values) {
    const double share = highest > 0 ? std::clamp(value / highest, 0.0, 1.0) : 0;
    text += kLevels[static_cast<std::size_t>(share * 7)];
  }
  return text;
}

std::string plain_line(const Frame& frame) {
  return fmt::format(
      "t={:.1f}s phase={} load={:.1f}/s in_flight={} queue={} ttft_p95={} tokens_per_second={} "
      "replicas={} ready={} newest_sample={} {}",
      frame.t, frame.phase, frame.offered_per_second, number(frame.in_flight, 0),
      number(frame.queue, 0), number(frame.ttft_p95_seconds, 2, "s"),
      number(frame.tokens_per_second, 0), frame.wanted, frame.ready,
      number(frame.newest_sample_age, 1, "s"), frame.last_decision);
}

void TerminalView::show(const Frame& frame) {
  if (plain_) {
    std::printf("%s\n", plain_line(frame).c_str());
    std::fflush(stdout);
    return;
  }
  remember(load_history_, frame.offered_per_second);
  remember(replica_history_, frame.ready);
  std::string text =
      fmt::format("\x1b[2K  {:<10} {:5.0f} s of {:.0f} s\n", frame.phase, frame.t, frame.duration);
  text +=
      row("load", fmt::format("{:.1f} req/s", frame.offered_per_second), sparkline(load_history_));
  text += row("in flight", number(frame.in_flight, 0));
  text += row("queue", number(frame.queue, 0));
  text += row("TTFT p95", number(frame.ttft_p95_seconds, 2, " s"));
  text += row("tokens/s", number(frame.tokens_per_second, 0));
  text += row("replicas", fmt::format("{} of {}..{}", frame.wanted, frame.least, frame.most),
              replica_bar(frame) + "  " + sparkline(replica_history_));
  text += row("newest sample", number(frame.newest_sample_age, 1, " s"));
  text += fmt::format("\x1b[2K  {}\n", frame.last_decision);
  if (!heading_.empty()) text += lines_beneath(heading_, lines_);
  if (drawn_rows_ > 0) std::printf("\x1b[%dA", drawn_rows_);
  drawn_rows_ = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  std::fputs(fmt::format("{}{}{}", kCutRows, text, kWrapRows).c_str(), stdout);
  std::fflush(stdout);
}

void TerminalView::add_line(std::string line) {
  if (plain_) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
    return;
  }
  if (heading_.empty()) {
    heading_ = std::move(line);
    return;
  }
  lines_.push_back(std::move(line));
  if (lines_.size() > kLines) lines_.pop_front();
}

}  // namespace leadline
