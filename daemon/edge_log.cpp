#include "daemon/edge_log.h"

#include <utility>

namespace leadline {

namespace {

std::string line_of(std::string_view what, std::string_view fields) {
  return fields.empty() ? std::string(what) : fmt::format("{} {}", what, fields);
}

}  // namespace

EdgeLog::EdgeLog(std::function<void(LogLevel, std::string_view)> sink) : sink_(std::move(sink)) {}

void EdgeLog::failed(std::string_view key, std::string_view what, std::string_view fields,
                     Instant now) {
  auto found = open_.find(key);
  if (found == open_.end()) {
    if (open_.size() >= kMaxKeys) {
      ++dropped_;
      return;
    }
    found = open_.emplace(std::string(key), Failure{.what = {}, .since = now.steady}).first;
  }
  Failure& failure = found->second;
  ++failure.count;
  if (failure.what == what) return;
  failure.what = what;
  sink_(LogLevel::kWarn, line_of(what, fields));
}

void EdgeLog::recovered(std::string_view key, std::string_view what, std::string_view fields,
                        Instant now) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  const auto lasted = std::chrono::duration<double>(now.steady - found->second.since).count();
  sink_(LogLevel::kInfo, fmt::format("{} failures={} for={:.1f}s", line_of(what, fields),
                                     found->second.count, lasted));
  open_.erase(found);
}

void EdgeLog::forget(std::string_view key) {
  const auto found = open_.find(key);
  if (found != open_.end()) open_.erase(found);
}

}  // namespace leadline
