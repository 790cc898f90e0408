// KedaTls names the files of the door for KEDA, for the configuration and the server.

#pragma once

#include <string>

namespace leadline {

// PEM files, read again when they change. All empty: plain text, and everybody may ask about every
// namespace.
struct KedaTls {
  std::string certificate_file, key_file;  // ours
  std::string client_ca_file;              // who signs those that may ask

  [[nodiscard]] bool is_used() const { return !certificate_file.empty(); }
};

}  // namespace leadline
