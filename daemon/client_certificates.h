// The certificates that a TLS client showed, as bytes: who trusts which is decided above, for each
// request, since CAs change while connections last. Plain value.

#pragma once

#include <string>
#include <vector>

namespace leadline {

struct ClientCertificates {
  std::vector<std::string> der;  // the client's own first, then what it sent along; not empty
};

}  // namespace leadline
