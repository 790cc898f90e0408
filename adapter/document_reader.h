// DocumentReader walks a JSON value that a person wrote and notes every error with its place
// (`pods[3].port: 70000 must be in [0, 65535]`) instead of stopping at the first.
// Not thread-safe; lives for one parse.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "adapter/pod_list.h"
#include "base/result.h"

namespace leadline {

// YAML or JSON. JSON is tried first where the text begins with `{`, because it is read ten times as
// fast: 100,000 pods are 30 MB. kBadInput with the line.
[[nodiscard]] Result<nlohmann::json> parse_document(std::string_view text);

class DocumentReader {
 public:
  void error(std::string_view path, std::string_view problem);

  // An absent key gives the empty value; a wrong type gives it too and is noted.
  std::string text(const nlohmann::json& object, const char* key, std::string_view path);
  bool flag(const nlohmann::json& object, const char* key, std::string_view path, bool otherwise);
  std::uint16_t port(const nlohmann::json& object, const char* key, std::string_view path);
  Labels labels(const nlohmann::json& object, const char* key, std::string_view path);

  // As text(), and noted when it is absent or empty.
  std::string required_text(const nlohmann::json& object, const char* key, std::string_view path);

  // Whether `value` is an object; notes that it is not, and every key not in `allowed`.
  bool object_with(const nlohmann::json& value, std::initializer_list<std::string_view> allowed,
                   std::string_view path);

  // The array at `key`; an empty one where it is absent or no array.
  const nlohmann::json& list(const nlohmann::json& object, const char* key);

  [[nodiscard]] bool failed() const { return total_ > 0; }
  [[nodiscard]] std::string errors() const;  // one a line

 private:
  static constexpr std::size_t kMaxErrors = 50;
  std::vector<std::string> errors_;
  std::size_t total_ = 0;
};

}  // namespace leadline
