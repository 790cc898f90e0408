// TokenFile reads the key that a server wants to see (an engine's page, the Kubernetes API) and
// reads it again when that may have changed: mounted Secrets and service account tokens are rotated
// under a running pod. The key is never logged.

#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace leadline {

class TokenFile {
 public:
  // `token`: what the configuration read at start. `path` empty: there is no file to read again.
  TokenFile(std::string token, std::string path)
      : path_(std::move(path)), token_(std::move(token)) {}

  // Reads the file again. kBadConfig: unreadable, empty, over 64 KB, or more than one line; the old
  // key is kept then.
  [[nodiscard]] Result<void> reload();

  [[nodiscard]] const std::string& token() const { return token_; }

 private:
  std::string path_;
  std::string token_;
};

}  // namespace leadline
