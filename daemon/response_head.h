// Writes the head of an answer (RFC 9112 §4 and §5). Pure; http_server.cpp uses it.

#pragma once

#include <string>

#include "base/clock.h"
#include "daemon/http.h"

namespace leadline {

enum class Connection { kKeepAlive, kKeepAliveSaid, kClose };  // Said: HTTP/1.0 wants it spelt out

// Status line, `date`, the response's headers and the empty line. Control characters in values
// become blanks, so that no value can start a header of its own. 204 and 304 carry no length.
[[nodiscard]] std::string response_head(const HttpResponse& response, std::string_view date,
                                        Connection connection);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
[[nodiscard]] std::string http_date(WallTime at);

}  // namespace leadline
