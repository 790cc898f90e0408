// Reads small files that a person or a kubelet wrote: configuration, certificates, tokens.

#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace leadline {

// The whole file. kBadConfig: it cannot be read, or holds more than `limit` bytes.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t limit);

}  // namespace leadline
