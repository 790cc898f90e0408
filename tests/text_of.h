// What a file holds, for tests that look at one as a whole.

#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace leadline {

// Empty where it cannot be read.
[[nodiscard]] inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace leadline
