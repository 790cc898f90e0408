// The client's end of TLS for a StreamConnection. Part of daemon_tls. TLS 1.2 at least; the
// server's certificate and its name are always verified: there is no switch against it.

#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/stream_cipher.h"

namespace leadline {

struct TlsClientFiles {
  std::string ca_file;           // PEM, whom to trust; empty: whom the system does
  std::string certificate_file;  // PEM, our own and its chain; empty: none is shown
  std::string key_file;          // PEM, not encrypted; with certificate_file
};

// For one connection to `server`, a name or an address; the files are read now.
// kBadConfig: one is missing, is no PEM, or the key does not belong to the certificate.
[[nodiscard]] Result<std::unique_ptr<StreamCipher>> tls_cipher(const TlsClientFiles& files,
                                                               const std::string& server);

}  // namespace leadline
