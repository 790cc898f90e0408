#include "adapter/keda_metadata.h"

#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "adapter/given_text.h"

namespace leadline {
namespace {

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string from_environment(std::string_view key) {
  return fmt::format("{}FromEnv", key);
}

}  // namespace

std::string_view KedaMetadata::text(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end()) return found->second;
  const auto resolved = metadata_.find(from_environment(key));
  return resolved == metadata_.end() ? std::string_view() : std::string_view(resolved->second);
}

bool KedaMetadata::is_from_environment(std::string_view key) const {
  return metadata_.find(key) == metadata_.end();
}

double KedaMetadata::goal(std::string_view key) {
  const std::string_view written = text(key);
  const auto number = number_in(written);
  if (!number || *number <= 0) wrong(key, written, "must be a number above 0");
  return number.value_or(0);
}

double KedaMetadata::activation(std::string_view key) {
  const std::string_view written = text(key);
  const auto number = number_in(written);
  if (!number || *number < 0) wrong(key, written, "must be a number of at least 0");
  return number.value_or(0);
}

void KedaMetadata::check_namespace(std::string_view name) {
  if (!is_object_name(name)) errors_.emplace_back("namespace: must be the ScaledObject's");
}

void KedaMetadata::wrong(std::string_view key, std::string_view value, std::string_view must) {
  if (value.empty()) {
    errors_.push_back(fmt::format("{}: {}", key, must));
  } else if (is_from_environment(key)) {
    errors_.push_back(fmt::format("{}, not shown: {}", from_environment(key), must));
  } else {
    errors_.push_back(fmt::format("{} = {}: {}", key, in_quotes(value), must));
  }
}

Result<void> KedaMetadata::result() const {
  if (errors_.empty()) return {};
  return fail(Errc::kBadInput, "trigger metadata: {}", fmt::join(errors_, "; "));
}

}  // namespace leadline
