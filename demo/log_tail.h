// LogTail reads what was added to a file that another process writes, in whole lines. Owned by one
// thread.

#pragma once

#include <ios>
#include <string>
#include <vector>

namespace leadline {

class LogTail {
 public:
  explicit LogTail(std::string file) : file_(std::move(file)) {}

  // The lines that were ended since the last call, without their ends; none where there is no file.
  [[nodiscard]] std::vector<std::string> new_lines();

 private:
  std::string file_;
  std::streamoff read_ = 0;  // bytes of whole lines
};

}  // namespace leadline
