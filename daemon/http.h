// The words of HTTP/1.1 that handlers, the server and the client share. Plain values, no network.
//
// Header names are compared without regard to case; header values have no leading or trailing
// blanks.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/client_certificates.h"

namespace leadline {

struct HttpHeader {
  std::string name;
  std::string value;
};

// The values of every header called `name`, in order.
[[nodiscard]] std::vector<std::string> header_values(const std::vector<HttpHeader>& headers,
                                                     std::string_view name);

// The first one's value, empty where there is none.
[[nodiscard]] std::string_view first_header(const std::vector<HttpHeader>& headers,
                                            std::string_view name);

// One complete request, as the server hands it to its handler.
struct HttpRequest {
  std::string method;
  std::string target;  // raw: percent-encoded, with its query
  std::vector<HttpHeader> headers;
  std::string body;
  // What the client of this connection showed; nullptr for none. Nobody has verified it.
  std::shared_ptr<const ClientCertificates> client_certificates = nullptr;

  [[nodiscard]] std::vector<std::string> values_of(std::string_view name) const {
    return header_values(headers, name);
  }
  [[nodiscard]] std::string_view first_value(std::string_view name) const {
    return first_header(headers, name);
  }
};

// An answer. The body is shared, so that one encoded snapshot goes to many clients without a copy;
// null is an empty body. Content-Length, Connection and Date are the server's own business.
struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no such header
  std::vector<HttpHeader> headers;
  std::shared_ptr<const std::string> body;
};

[[nodiscard]] HttpResponse make_response(int status, std::string content_type, std::string body);

// "Not Found" for 404; "Unknown" for a status that RFC 9110 and 6585 do not name.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace leadline
