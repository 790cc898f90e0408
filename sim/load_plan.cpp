#include "sim/load_plan.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "sim/csv.h"
#include "sim/text_file.h"

namespace leadline {
namespace {

using std::chrono::nanoseconds;

constexpr int kMaxCopies = 10'000;
constexpr std::size_t kMaxArrivals = 5'000'000;  // 120 MB of plan
constexpr nanoseconds kMaxDuration = std::chrono::hours(24 * 31);

nanoseconds from_seconds(double seconds) {
  return nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// "2023-11-16": the days matter only where a trace passes midnight.
std::optional<nanoseconds> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = parse_number<int>(text.substr(0, 4));
  const auto month = parse_number<unsigned>(text.substr(5, 2));
  const auto day = parse_number<unsigned>(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch();
}

// "18:15:46.6805900": seconds with any number of decimals, read as whole nanoseconds.
std::optional<nanoseconds> parse_time_of_day(std::string_view text) {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = parse_number<int>(text.substr(0, 2));
  const auto minutes = parse_number<int>(text.substr(3, 2));
  const auto seconds = parse_number<double>(text.substr(6));
  if (!hours || !minutes || !seconds || *seconds < 0) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + from_seconds(*seconds);
}

std::optional<TraceRow> parse_row(std::string_view line) {
  const std::vector<std::string_view> fields = split_fields(line);
  if (fields.size() != 3 || fields[0].size() < 19) return std::nullopt;
  const auto date = parse_date(fields[0].substr(0, 10));
  const auto time = parse_time_of_day(fields[0].substr(11));
  const auto prompt = parse_number<int>(fields[1]);
  const auto generation = parse_number<int>(fields[2]);
  if (!date || !time || !prompt || !generation || *prompt < 0 || *generation < 0) {
    return std::nullopt;
  }
  return TraceRow{*date + *time, std::max(1, *prompt), std::max(1, *generation)};
}

// One copy of the trace in the plan.
struct Layer {
  nanoseconds from;      // where in the ring it begins
  nanoseconds at;        // when in the plan
  nanoseconds duration;  // how long
  int keep_every;
};

std::size_t first_row_from(const Trace& trace, nanoseconds from) {
  const auto at = std::lower_bound(trace.rows.begin(), trace.rows.end(), from,
                                   [](const TraceRow& row, nanoseconds t) { return row.at < t; });
  return static_cast<std::size_t>(at - trace.rows.begin());
}

void add_layer(const Trace& trace, const Layer& layer, std::vector<Arrival>& arrivals) {
  const std::size_t first = first_row_from(trace, layer.from);
  for (std::size_t i = first;; ++i) {
    const auto lap = static_cast<std::int64_t>(i / trace.rows.size());
    const TraceRow& row = trace.rows[i % trace.rows.size()];
    const nanoseconds offset = row.at + lap * trace.span - layer.from;
    if (offset >= layer.duration || arrivals.size() > kMaxArrivals) return;
    if ((i - first) % static_cast<std::size_t>(layer.keep_every) != 0) continue;
    arrivals.push_back({layer.at + offset, row.prompt_tokens, row.generation_tokens});
  }
}

std::vector<Layer> make_layers(const Trace& trace, const LoadOptions& options,
                               nanoseconds duration) {
  int count = options.copies;
  for (const Burst& burst : options.bursts) count += burst.copies;
  int copy = 0;
  const auto next_from = [&] { return (options.start + copy++ * trace.span / count) % trace.span; };
  std::vector<Layer> layers;
  layers.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < options.copies; ++i) {
    layers.push_back({next_from(), nanoseconds(0), duration, options.keep_every});
  }
  for (const Burst& burst : options.bursts) {
    const nanoseconds room = std::min(burst.duration, duration - burst.at);
    for (int i = 0; i < burst.copies; ++i) layers.push_back({next_from(), burst.at, room, 1});
  }
  return layers;
}

Result<void> check_options(const LoadOptions& options, nanoseconds duration) {
  const auto copies_fit = [](int copies) { return copies >= 0 && copies <= kMaxCopies; };
  if (!copies_fit(options.copies)) {
    return fail(Errc::kBadConfig, "copies {}: not in 0..{}", options.copies, kMaxCopies);
  }
  if (options.keep_every < 1) {
    return fail(Errc::kBadConfig, "keep_every {}: not positive", options.keep_every);
  }
  if (options.start.count() < 0 || options.duration.count() < 0 || duration > kMaxDuration) {
    return fail(Errc::kBadConfig, "start and duration: negative, or more than 31 days");
  }
  for (const Burst& burst : options.bursts) {
    if (!copies_fit(burst.copies) || burst.at.count() < 0 || burst.duration.count() <= 0 ||
        burst.at >= duration) {
      return fail(Errc::kBadConfig, "burst: copies not in 0..{}, or not within the plan",
                  kMaxCopies);
    }
  }
  return {};
}

}  // namespace

Result<Trace> parse_trace(std::string_view csv) {
  if (take_line(csv) != "TIMESTAMP,ContextTokens,GeneratedTokens") {
    return fail(Errc::kBadInput, "line 1: not TIMESTAMP,ContextTokens,GeneratedTokens");
  }
  Trace trace;
  for (int number = 2;; ++number) {
    const auto line = take_line(csv);
    if (!line) break;
    if (line->empty()) continue;
    const auto row = parse_row(*line);
    if (!row) return fail(Errc::kBadInput, "line {}: no request in \"{}\"", number, *line);
    trace.rows.push_back(*row);
  }
  if (trace.rows.size() < 2) return fail(Errc::kBadInput, "fewer than two requests");
  std::stable_sort(trace.rows.begin(), trace.rows.end(),
                   [](const TraceRow& a, const TraceRow& b) { return a.at < b.at; });
  const nanoseconds first = trace.rows.front().at;
  for (TraceRow& row : trace.rows) row.at -= first;
  const nanoseconds last = trace.rows.back().at;
  const auto gaps = static_cast<std::int64_t>(trace.rows.size()) - 1;
  trace.span = last + std::max(last / gaps, nanoseconds(1));
  return trace;
}

Result<Trace> read_trace(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return fail(text.error().with_context("trace"));
  auto trace = parse_trace(*text);
  if (!trace) return fail(trace.error().with_context("trace " + path));
  return trace;
}

Result<LoadPlan> plan_load(const Trace& trace, const LoadOptions& options) {
  LoadPlan plan;
  plan.duration = options.duration.count() == 0 ? trace.span : options.duration;
  const auto checked = check_options(options, plan.duration);
  if (!checked) return fail(checked.error().with_context("load plan"));
  for (const Layer& layer : make_layers(trace, options, plan.duration)) {
    add_layer(trace, layer, plan.arrivals);
  }
  if (plan.arrivals.size() > kMaxArrivals) {
    return fail(Errc::kBadConfig, "load plan: more than {} arrivals", kMaxArrivals);
  }
  std::stable_sort(plan.arrivals.begin(), plan.arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  return plan;
}

// Two more crowds, 8 s apart, while a third of one goes on: 1.6 requests/s, then 12, then 1.6.
LoadOptions demo_load_options() {
  using std::chrono::seconds;
  return {.duration = seconds(150),
          .keep_every = 3,
          .bursts = {{.at = seconds(35), .duration = seconds(45), .copies = 1},
                     {.at = seconds(43), .duration = seconds(37), .copies = 1}}};
}

Result<Burst> parse_burst(std::string_view text) {
  constexpr double kUnreadable = -1;  // no number of a burst is negative
  std::vector<double> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t colon = std::min(text.find(':', at), text.size());
    numbers.push_back(parse_number<double>(text.substr(at, colon - at)).value_or(kUnreadable));
    at = colon + 1;
  }
  const bool fits = numbers.size() == 3 && numbers[0] >= 0 && numbers[1] > 0 && numbers[2] >= 1 &&
                    numbers[0] + numbers[1] < 1e6 && numbers[2] <= kMaxCopies;
  if (!fits) return fail(Errc::kBadConfig, "burst \"{}\": not AT:DURATION:COPIES in seconds", text);
  return Burst{from_seconds(numbers[0]), from_seconds(numbers[1]), static_cast<int>(numbers[2])};
}

}  // namespace leadline
