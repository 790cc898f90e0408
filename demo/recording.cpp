#include "demo/recording.h"

#include <utility>

namespace leadline {

Result<Recording> Recording::open(const std::string& file) {
  Recording recording;
  if (file.empty()) return recording;
  recording.file_.open(file, std::ios::trunc);
  if (!recording.file_) return fail(Errc::kBadConfig, "--record {}: cannot be written", file);
  return recording;
}

void Recording::add(nlohmann::json line) {
  if (file_.is_open()) file_ << line.dump() << '\n' << std::flush;
  lines_.push_back(std::move(line));
}

}  // namespace leadline
