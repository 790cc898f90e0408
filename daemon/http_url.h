// HttpUrl is where a client connects: `http://host[:port][/path]`. Pure.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

struct HttpUrl {
  std::string scheme;  // "http"
  std::string host;    // a name or an address; an IPv6 address stands here without its brackets
  std::uint16_t port = 80;
  std::string path;  // raw, with its query; starts with '/'; "/" where the URL names none
};

// kBadConfig with the offending text: an URL always comes from an operator or a pods file. `https`
// is refused with words of its own, since the sidecar links no TLS library.
[[nodiscard]] Result<HttpUrl> parse_url(std::string_view text);

// "127.0.0.1:8000", "[::1]:8000", and without ":80": the Host header, and how logs name the peer.
[[nodiscard]] std::string authority(const HttpUrl& url);

// As an URL and a log spell it: an IPv6 address in brackets, all else as it is.
[[nodiscard]] std::string url_host(std::string_view host);

}  // namespace leadline
