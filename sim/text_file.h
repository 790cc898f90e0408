// Reads a whole text file that the operator named: a trace, a performance table.

#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "base/result.h"

namespace leadline {

// kBadConfig: the file cannot be opened or read.
[[nodiscard]] inline Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return fail(Errc::kBadConfig, "{}: cannot read", path);
  return text.str();
}

}  // namespace leadline
