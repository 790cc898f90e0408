#include "adapter/keda_trigger.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace leadline {
namespace {

constexpr std::string_view kDefaultMetric = "in_flight_requests";
constexpr double kDefaultRequests = 5;  // a replica's share, as KEDA's redis scaler has it
constexpr std::array<std::string_view, 5> kKinds = {"Deployment", "StatefulSet", "ReplicaSet",
                                                    "LeaderWorkerSet", "InferenceService"};
constexpr std::size_t kLongestName = 253;       // of a Kubernetes object: RFC 1123 subdomain
constexpr std::size_t kLongestSelector = 4096;  // bytes; the metrics APIs' come in an URL

// At most as much of a stranger's text as a message needs.
std::string shown(std::string_view text) {
  constexpr std::size_t kEnough = 100;
  return fmt::format("\"{}\"", text.substr(0, kEnough));
}

bool is_object_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

// Reads one key after the other and notes what is wrong.
class Reader {
 public:
  Reader(const Labels& metadata, const Catalogue& catalogue)
      : metadata_(metadata), catalogue_(catalogue) {}

  void read(KedaTrigger& trigger) {
    read_workload(trigger);
    read_metric(trigger);
    read_selector(trigger);
    read_goal(trigger);
    read_activation(trigger);
    read_scale_to_zero(trigger);
  }

  std::vector<std::string> errors;

 private:
  // Empty where the key is absent, as KEDA leaves out what its environment does not have.
  [[nodiscard]] std::string_view text(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found != metadata_.end()) return found->second;
    const auto resolved = metadata_.find(from_environment(key));
    return resolved == metadata_.end() ? std::string_view() : std::string_view(resolved->second);
  }

  static std::string from_environment(std::string_view key) {
    return fmt::format("{}FromEnv", key);
  }
  [[nodiscard]] bool is_from_environment(std::string_view key) const {
    return metadata_.find(key) == metadata_.end();
  }

  // KEDA logs it and writes it into an event. What a container's environment holds may be a secret,
  // and the variable's name may be the wrong one.
  void wrong(std::string_view key, std::string_view value, std::string_view must) {
    if (value.empty()) {
      errors.push_back(fmt::format("{}: {}", key, must));
    } else if (is_from_environment(key)) {
      errors.push_back(fmt::format("{}, not shown: {}", from_environment(key), must));
    } else {
      errors.push_back(fmt::format("{} = {}: {}", key, shown(value), must));
    }
  }

  void read_workload(KedaTrigger& trigger) {
    trigger.workload = text("workload");
    if (!is_object_name(trigger.workload)) {
      wrong("workload", trigger.workload, "must be the name of what is scaled");
    }
    trigger.kind = text("kind").empty() ? kKinds.front() : text("kind");
    if (std::ranges::find(kKinds, trigger.kind) == kKinds.end()) {
      wrong("kind", trigger.kind, fmt::format("must be one of {}", fmt::join(kKinds, ", ")));
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
    const auto goal = number_in(written);
    if (!goal || *goal <= 0) wrong("targetValue", written, "must be a number above 0");
    trigger.target_value = goal.value_or(0);
  }

  void read_activation(KedaTrigger& trigger) {
    const std::string_view activation = text("activationTargetValue");
    if (activation.empty()) return;
    trigger.activation = number_in(activation);
    if (!trigger.activation || *trigger.activation < 0) {
      wrong("activationTargetValue", activation, "must be a number of at least 0");
    }
  }

  void read_scale_to_zero(KedaTrigger& trigger) {
    const std::string_view written = text("scaleToZero");
    trigger.scale_to_zero = written == "true";
    if (!written.empty() && written != "true" && written != "false") {
      wrong("scaleToZero", written, "must be true or false");
    }
  }

  const Labels& metadata_;
  const Catalogue& catalogue_;
};

}  // namespace

Result<KedaTrigger> parse_keda_trigger(std::string_view namespace_name, const Labels& metadata,
                                       const Catalogue& catalogue) {
  KedaTrigger trigger;
  trigger.namespace_name = namespace_name;
  Reader reader(metadata, catalogue);
  if (!is_object_name(namespace_name)) {
    reader.errors.emplace_back("namespace: must be the ScaledObject's");
  }
  reader.read(trigger);
  if (reader.errors.empty()) return trigger;
  return fail(Errc::kBadInput, "trigger metadata: {}", fmt::join(reader.errors, "; "));
}

}  // namespace leadline
