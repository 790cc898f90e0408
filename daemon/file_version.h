// FileVersion is what changes when a file is replaced or rewritten: enough to notice that without
// reading it. Mounted ConfigMaps and Secrets are replaced by a link, which changes the inode.

#pragma once

#include <cstdint>
#include <string>

namespace leadline {

struct FileVersion {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = -1, seconds = 0, nanoseconds = 0;

  [[nodiscard]] bool operator==(const FileVersion&) const = default;
};

// A file that does not exist has the default version.
[[nodiscard]] FileVersion file_version(const std::string& path);

}  // namespace leadline
