#include "engine/snapshot_codec.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "snapshot.pb.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxTextBytes = 512;
constexpr int kMaxEdgeLists = 64;
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;  // beyond it doubles lose observations
constexpr std::uint64_t kMaxMilliseconds = 24ULL * 3600 * 1000;

// --- One optional number of a message: how its field is asked for, read and written.

template <typename Message>
struct NumberField {
  const char* name;
  bool (Message::*has)() const;
  double (Message::*get)() const;
  void (Message::*set)(double);
};

#define LEADLINE_NUMBER(Message, field)                                                     \
  NumberField<wire::Message> {                                                              \
    #field, &wire::Message::has_##field, &wire::Message::field, &wire::Message::set_##field \
  }

// In the order of Gauge.
const std::array<NumberField<wire::Series>, kGaugeCount> kGaugeFields = {
    LEADLINE_NUMBER(Series, queue_depth),
    LEADLINE_NUMBER(Series, running_requests),
    LEADLINE_NUMBER(Series, queue_tokens),
    LEADLINE_NUMBER(Series, batch_size),
    LEADLINE_NUMBER(Series, kv_cache_utilization_ratio),
    LEADLINE_NUMBER(Series, prefix_cache_hit_ratio)};
const NumberField<wire::Series> kCapacityField = LEADLINE_NUMBER(Series, kv_capacity_tokens);

// In the order of Counter.
const std::array<NumberField<wire::Window>, kCounterCount> kCounterFields = {
    LEADLINE_NUMBER(Window, finished_requests), LEADLINE_NUMBER(Window, request_errors),
    LEADLINE_NUMBER(Window, prompt_tokens),     LEADLINE_NUMBER(Window, generation_tokens),
    LEADLINE_NUMBER(Window, prefix_cache_hits), LEADLINE_NUMBER(Window, prefix_cache_queries)};
const NumberField<wire::Window> kInFlightField = LEADLINE_NUMBER(Window, in_flight_max);

#undef LEADLINE_NUMBER

struct HistogramField {
  const char* name;
  bool (wire::Window::*has)() const;
  const wire::Histogram& (wire::Window::*get)() const;
  wire::Histogram* (wire::Window::*mutate)();
};

// In the order of Latency.
const std::array<HistogramField, kLatencyCount> kHistogramFields = {
    HistogramField{"ttft", &wire::Window::has_ttft, &wire::Window::ttft,
                   &wire::Window::mutable_ttft},
    HistogramField{"inter_token_latency", &wire::Window::has_inter_token_latency,
                   &wire::Window::inter_token_latency, &wire::Window::mutable_inter_token_latency},
    HistogramField{"e2e_latency", &wire::Window::has_e2e_latency, &wire::Window::e2e_latency,
                   &wire::Window::mutable_e2e_latency},
    HistogramField{"queue_time", &wire::Window::has_queue_time, &wire::Window::queue_time,
                   &wire::Window::mutable_queue_time}};

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0;
}

// --- Encoding. What a reader would refuse is left out: one bad number must not cost the pod.

std::string bounded(const std::string& text) {
  return text.substr(0, kMaxTextBytes);
}

template <typename Message>
void put(const NumberField<Message>& field, const std::optional<double>& value, Message& message) {
  if (value && is_amount(*value)) (message.*field.set)(*value);
}

// Each list of edges once; few are distinct, so a search is enough.
std::uint32_t index_of_edges(const std::vector<double>& edges, wire::Snapshot& snapshot) {
  for (int i = 0; i < snapshot.edges_size(); ++i) {
    const auto& known = snapshot.edges(i).upper();
    if (std::equal(known.begin(), known.end(), edges.begin(), edges.end())) {
      return static_cast<std::uint32_t>(i);
    }
  }
  snapshot.add_edges()->mutable_upper()->Add(edges.begin(), edges.end());
  return static_cast<std::uint32_t>(snapshot.edges_size() - 1);
}

void put(const HistogramField& field, const HistogramDelta& histogram, wire::Window& window,
         wire::Snapshot& snapshot) {
  if (histogram.edges.size() > kMaxEdges || !is_amount(histogram.sum)) return;
  wire::Histogram& message = *(window.*field.mutate)();
  message.set_edges(index_of_edges(histogram.edges, snapshot));
  message.set_sum(histogram.sum);
  const auto last = std::find_if(histogram.counts.rbegin(), histogram.counts.rend(),
                                 [](std::uint64_t count) { return count > 0; });
  message.mutable_counts()->Add(histogram.counts.begin(), last.base());
}

void put(const WindowValues& values, wire::Window& window, wire::Snapshot& snapshot) {
  window.set_span_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(0, values.span.count())));
  if (window.span_ms() == 0) return;
  for (std::size_t c = 0; c < kCounterCount; ++c)
    put(kCounterFields[c], values.increases[c], window);
  put(kInFlightField, values.in_flight_max, window);
  for (std::size_t l = 0; l < kLatencyCount; ++l) {
    const std::optional<HistogramDelta>& observed = values.latencies[l];
    if (observed) put(kHistogramFields[l], *observed, window, snapshot);
  }
}

void put(const SeriesSnapshot& series, wire::Snapshot& snapshot) {
  wire::Series& message = *snapshot.add_series();
  message.set_model(bounded(series.model));
  message.set_role(bounded(series.role));
  for (std::size_t g = 0; g < kGaugeCount; ++g) put(kGaugeFields[g], series.gauges[g], message);
  put(kCapacityField, series.kv_capacity_tokens, message);
  for (std::size_t w = 0; w < kWindowCount; ++w) {
    wire::Window& window = *message.add_windows();
    window.set_seconds(static_cast<std::uint32_t>(kWindowSpans[w].count()));
    put(series.windows[w], window, snapshot);
  }
}

// --- Decoding. Every bound and invariant is checked; the first that fails names itself.

Result<std::string> take_text(const char* name, const std::string& text) {
  if (text.size() > kMaxTextBytes) {
    return fail(Errc::kBadInput, "{}: {} bytes, at most {}", name, text.size(), kMaxTextBytes);
  }
  return text;
}

struct TextField {
  const char* name;
  const std::string& from;
  std::string& to;
};

Result<void> take_texts(std::initializer_list<TextField> fields) {
  for (const TextField& field : fields) {
    Result<std::string> text = take_text(field.name, field.from);
    if (!text) return fail(text.error());
    field.to = std::move(*text);
  }
  return {};
}

Result<std::chrono::milliseconds> take_span(const char* name, std::uint64_t count) {
  if (count > kMaxMilliseconds) {
    return fail(Errc::kBadInput, "{}: {} ms, at most a day", name, count);
  }
  return std::chrono::milliseconds(count);
}

template <typename Message>
Result<std::optional<double>> take(const NumberField<Message>& field, const Message& message) {
  if (!(message.*field.has)()) return std::nullopt;
  const double value = (message.*field.get)();
  if (!is_amount(value)) return fail(Errc::kBadInput, "{}: {}", field.name, value);
  return value;
}

Result<std::vector<std::vector<double>>> take_edges(const wire::Snapshot& message) {
  if (message.edges_size() > kMaxEdgeLists) {
    return fail(Errc::kBadInput, "{} edge lists, at most {}", message.edges_size(), kMaxEdgeLists);
  }
  std::vector<std::vector<double>> lists;
  for (const wire::Edges& edges : message.edges()) {
    std::vector<double> list(edges.upper().begin(), edges.upper().end());
    if (list.size() > kMaxEdges) {
      return fail(Errc::kBadInput, "{} edges, at most {}", list.size(), kMaxEdges);
    }
    const bool finite =
        std::all_of(list.begin(), list.end(), [](double e) { return std::isfinite(e); });
    const auto not_above = [](double a, double b) { return a >= b; };
    if (!finite || std::adjacent_find(list.begin(), list.end(), not_above) != list.end()) {
      return fail(Errc::kBadInput, "edges do not ascend");
    }
    lists.push_back(std::move(list));
  }
  return lists;
}

using EdgeLists = std::vector<std::vector<double>>;

Result<HistogramDelta> take(const wire::Histogram& message, const EdgeLists& lists) {
  if (message.edges() >= lists.size()) {
    return fail(Errc::kBadInput, "edge list {} of {}", message.edges(), lists.size());
  }
  HistogramDelta histogram{lists[message.edges()], {}, message.sum()};
  const std::size_t buckets = histogram.edges.size() + 1;
  if (static_cast<std::size_t>(message.counts_size()) > buckets) {
    return fail(Errc::kBadInput, "{} counts for {} buckets", message.counts_size(), buckets);
  }
  if (!is_amount(histogram.sum)) return fail(Errc::kBadInput, "sum {}", histogram.sum);
  histogram.counts.assign(message.counts().begin(), message.counts().end());
  if (std::any_of(histogram.counts.begin(), histogram.counts.end(),
                  [](std::uint64_t count) { return count > kMaxCount; })) {
    return fail(Errc::kBadInput, "a count above 2^53");
  }
  histogram.counts.resize(buckets, 0);
  return histogram;
}

Result<WindowValues> take(const wire::Window& message, const EdgeLists& lists) {
  WindowValues values;
  const Result<std::chrono::milliseconds> span = take_span("span_ms", message.span_ms());
  if (!span) return fail(span.error());
  values.span = *span;
  if (values.span.count() == 0) return values;
  for (std::size_t c = 0; c < kCounterCount; ++c) {
    const auto increase = take(kCounterFields[c], message);
    if (!increase) return fail(increase.error());
    values.increases[c] = *increase;
  }
  const auto in_flight_max = take(kInFlightField, message);
  if (!in_flight_max) return fail(in_flight_max.error());
  values.in_flight_max = *in_flight_max;
  for (std::size_t l = 0; l < kLatencyCount; ++l) {
    const HistogramField& field = kHistogramFields[l];
    if (!(message.*field.has)()) continue;
    Result<HistogramDelta> histogram = take((message.*field.get)(), lists);
    if (!histogram) return fail(histogram.error().with_context(field.name));
    values.latencies[l] = std::move(*histogram);
  }
  return values;
}

// Windows of other lengths come from a newer minor version and are skipped.
Result<void> take_windows(const wire::Series& message, const EdgeLists& lists, SeriesSnapshot& to) {
  for (const wire::Window& window : message.windows()) {
    const auto known =
        std::find(kWindowSpans.begin(), kWindowSpans.end(), std::chrono::seconds(window.seconds()));
    if (known == kWindowSpans.end()) continue;
    Result<WindowValues> values = take(window, lists);
    if (!values) {
      return fail(values.error().with_context(fmt::format("window {} s", window.seconds())));
    }
    to.windows[static_cast<std::size_t>(known - kWindowSpans.begin())] = std::move(*values);
  }
  return {};
}

Result<SeriesSnapshot> take(const wire::Series& message, const EdgeLists& lists) {
  SeriesSnapshot series;
  const Result<void> texts =
      take_texts({{"model", message.model(), series.model}, {"role", message.role(), series.role}});
  if (!texts) return fail(texts.error());
  if (series.role.empty()) series.role = "both";
  for (std::size_t g = 0; g < kGaugeCount; ++g) {
    const auto value = take(kGaugeFields[g], message);
    if (!value) return fail(value.error());
    series.gauges[g] = *value;
  }
  const auto capacity = take(kCapacityField, message);
  if (!capacity) return fail(capacity.error());
  series.kv_capacity_tokens = *capacity;
  const Result<void> windows = take_windows(message, lists, series);
  if (!windows) return fail(windows.error());
  return series;
}

Result<void> take_all_series(const wire::Snapshot& message, PodSnapshot& to) {
  if (static_cast<std::size_t>(message.series_size()) > kMaxSeries) {
    return fail(Errc::kBadInput, "{} series, at most {}", message.series_size(), kMaxSeries);
  }
  const Result<EdgeLists> lists = take_edges(message);
  if (!lists) return fail(lists.error());
  for (int i = 0; i < message.series_size(); ++i) {
    Result<SeriesSnapshot> series = take(message.series(i), *lists);
    if (!series) return fail(series.error().with_context(fmt::format("series {}", i)));
    to.series.push_back(std::move(*series));
  }
  return {};
}

Result<void> take_head(const wire::Snapshot& message, PodSnapshot& to) {
  to.boot_id = message.boot_id();
  to.sequence = message.sequence();
  const bool known_state = message.state() <= index_of(EngineState::kAsleep);
  to.state = known_state ? static_cast<EngineState>(message.state()) : EngineState::kSearching;
  const auto interval = take_span("scrape_interval_ms", message.scrape_interval_ms());
  if (!interval) return fail(interval.error());
  to.scrape_interval = *interval;
  return take_texts({{"pod_namespace", message.pod_namespace(), to.pod.namespace_name},
                     {"pod_name", message.pod_name(), to.pod.name},
                     {"pod_uid", message.pod_uid(), to.pod.uid},
                     {"engine", message.engine(), to.engine},
                     {"version", message.version(), to.version}});
}

}  // namespace

std::string encode(const PodSnapshot& snapshot) {
  wire::Snapshot message;
  message.set_schema_major(kSnapshotSchemaMajor);
  message.set_schema_minor(kSnapshotSchemaMinor);
  message.set_boot_id(snapshot.boot_id);
  message.set_sequence(snapshot.sequence);
  message.set_pod_namespace(bounded(snapshot.pod.namespace_name));
  message.set_pod_name(bounded(snapshot.pod.name));
  message.set_pod_uid(bounded(snapshot.pod.uid));
  message.set_scrape_interval_ms(static_cast<std::uint64_t>(snapshot.scrape_interval.count()));
  message.set_engine(bounded(snapshot.engine));
  message.set_version(bounded(snapshot.version));
  message.set_state(static_cast<std::uint32_t>(snapshot.state));
  for (const SeriesSnapshot& series : snapshot.series) {
    if (static_cast<std::size_t>(message.series_size()) < kMaxSeries) put(series, message);
  }
  return message.SerializeAsString();
}

Result<PodSnapshot> decode_snapshot(std::string_view bytes) {
  if (bytes.size() > kMaxSnapshotBytes) {
    return fail(Errc::kBadInput, "snapshot of {} bytes, at most {}", bytes.size(),
                kMaxSnapshotBytes);
  }
  wire::Snapshot message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Errc::kBadInput, "not a snapshot: {} bytes", bytes.size());
  }
  if (message.schema_major() != kSnapshotSchemaMajor) {
    return fail(Errc::kBadInput, "snapshot schema {}, this reader knows {}", message.schema_major(),
                kSnapshotSchemaMajor);
  }
  PodSnapshot snapshot;
  Result<void> taken = take_head(message, snapshot);
  if (taken) taken = take_all_series(message, snapshot);
  if (!taken) return fail(taken.error().with_context("snapshot"));
  return snapshot;
}

}  // namespace leadline
