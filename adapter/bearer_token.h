// The bearer token of a request (RFC 6750 §2.1). Pure.

#pragma once

#include <string>

#include "daemon/http.h"

namespace leadline {

struct ShownToken {
  enum Kind {
    kNone,        // no Authorization header
    kOne,         // one, which holds a bearer token
    kUnreadable,  // another scheme, no token, or several headers
  };
  Kind kind = kNone;
  std::string text;
};

[[nodiscard]] ShownToken shown_token(const HttpRequest& request);

}  // namespace leadline
