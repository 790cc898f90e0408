// Recorded pages for the tests of the parser, detection and the dialects.

#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/page.h"
#include "tests/text_of.h"

namespace leadline {

inline const std::filesystem::path& pages_folder() {
  static const std::filesystem::path kFolder =
      std::filesystem::path(LEADLINE_SOURCE_DIR) / "tests" / "data" / "expositions";
  return kFolder;
}

inline std::string recorded(std::string_view name) {
  return text_of(pages_folder() / name);
}

// Names of all recorded pages with this extension, sorted.
inline std::vector<std::string> recorded_names(std::string_view extension) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(pages_folder())) {
    if (entry.path().extension() == extension) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What the engine's answer said about a page of this name.
inline std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".om")) return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  if (name.ends_with(".json")) return "application/json";
  return "text/plain; version=1.0.0; charset=utf-8";
}

}  // namespace leadline
