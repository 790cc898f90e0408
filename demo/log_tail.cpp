#include "demo/log_tail.h"

#include <fstream>

namespace leadline {

std::vector<std::string> LogTail::new_lines() {
  std::vector<std::string> lines;
  std::ifstream stream(file_, std::ios::binary);
  stream.seekg(read_);
  for (std::string line; std::getline(stream, line) && !stream.eof();) {
    read_ += static_cast<std::streamoff>(line.size()) + 1;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace leadline
