#include "adapter/keda_trigger.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "adapter/given_text.h"
#include "adapter/keda_metadata.h"

namespace leadline {
namespace {

constexpr std::string_view kDefaultMetric = "in_flight_requests";
constexpr double kDefaultRequests = 5;          // a replica's share, as KEDA's redis scaler has it
constexpr std::size_t kLongestSelector = 4096;  // bytes; the metrics APIs' come in an URL

// Reads one key after the other and notes what is wrong.
class Reader : public KedaMetadata {
 public:
  Reader(const Labels& metadata, const Catalogue& catalogue)
      : KedaMetadata(metadata), catalogue_(catalogue) {}

  void read(KedaTrigger& trigger) {
    read_workload(trigger);
    read_metric(trigger);
    read_selector(trigger);
    read_goal(trigger);
    read_activation(trigger);
    read_scale_to_zero(trigger);
  }

 private:
  void read_workload(KedaTrigger& trigger) {
    trigger.workload = text("workload");
    if (!is_object_name(trigger.workload)) {
      wrong("workload", trigger.workload, "must be the name of what is scaled");
    }
    trigger.kind = text("kind").empty() ? kScaledKinds.front() : text("kind");
    if (std::ranges::find(kScaledKinds, trigger.kind) == kScaledKinds.end()) {
      wrong("kind", trigger.kind, fmt::format("must be one of {}", fmt::join(kScaledKinds, ", ")));
    }
  }

  void read_metric(KedaTrigger& trigger) {
    const std::string_view metric = text("metric").empty() ? kDefaultMetric : text("metric");
    trigger.entry = catalogue_.find_external(metric);
    if (trigger.entry == nullptr) return wrong("metric", metric, "is no metric that is served");
    trigger.window = trigger.entry->window;
    if (text("window").empty()) return;
    const auto window = window_from(text("window"));
    if (!window) return wrong("window", text("window"), "must be one of 15s, 60s, 300s");
    trigger.window = *window;
  }

  void read_selector(KedaTrigger& trigger) {
    const std::string_view written = text("selector");
    if (written.size() > kLongestSelector) {
      return wrong("selector", written, fmt::format("is longer than {} bytes", kLongestSelector));
    }
    const auto parsed = parse_label_selector(written);
    if (!parsed) return wrong_selector(written, parsed.error().message);
    auto selection = PodSelection::from(*parsed);
    if (!selection) return wrong_selector(written, selection.error().message);
    if (selection->window()) return wrong("selector", written, "the window has a key of its own");
    trigger.selection = std::move(*selection);
  }

  // The parser's messages quote what they found.
  void wrong_selector(std::string_view written, std::string_view message) {
    wrong("selector", written,
          is_from_environment("selector") ? "must be a label selector" : message);
  }

  // What a replica should hold of the metric. Of requests KEDA's own default is as good as another;
  // of seconds or tokens there is none that would not be wrong for most.
  void read_goal(KedaTrigger& trigger) {
    const std::string_view written = text("targetValue");
    const bool requests = trigger.entry != nullptr && trigger.entry->metric->unit == "requests";
    if (written.empty() && requests) {
      trigger.target_value = kDefaultRequests * std::abs(trigger.entry->scale);
      return;
    }
    trigger.target_value = goal("targetValue");
  }

  void read_activation(KedaTrigger& trigger) {
    if (!text("activationTargetValue").empty()) {
      trigger.activation = activation("activationTargetValue");
    }
  }

  void read_scale_to_zero(KedaTrigger& trigger) {
    const std::string_view written = text("scaleToZero");
    trigger.scale_to_zero = written == "true";
    if (!written.empty() && written != "true" && written != "false") {
      wrong("scaleToZero", written, "must be true or false");
    }
  }

  const Catalogue& catalogue_;
};

}  // namespace

Result<KedaTrigger> parse_keda_trigger(std::string_view namespace_name, const Labels& metadata,
                                       const Catalogue& catalogue) {
  KedaTrigger trigger;
  trigger.namespace_name = namespace_name;
  Reader reader(metadata, catalogue);
  reader.check_namespace(namespace_name);
  reader.read(trigger);
  if (const auto read = reader.result(); !read) return fail(read.error());
  return trigger;
}

}  // namespace leadline
