#include "daemon/text_file.h"

#include <fstream>

namespace leadline {

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limit + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof()) return fail(Errc::kBadConfig, "cannot read {}", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > limit) return fail(Errc::kBadConfig, "{}: over {} bytes", path, limit);
  return text;
}

}  // namespace leadline
