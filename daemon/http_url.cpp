#include "daemon/http_url.h"

#include <algorithm>
#include <charconv>

namespace leadline {

namespace {

// Splits "host:port" or "[v6]:port"; false where brackets do not match or an IPv6 address has none.
bool split_authority(std::string_view authority, std::string_view& host, std::string_view& port) {
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return false;
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (port.empty()) return true;
  if (port.front() != ':') return false;
  port.remove_prefix(1);
  return !port.empty();
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:%").find(c) != std::string_view::npos;
  });
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port < 1 || port > 65535) {
    return fail(Errc::kBadConfig, "port '{}' must be in [1, 65535]", text);
  }
  return static_cast<std::uint16_t>(port);
}

Result<HttpUrl> parse_after_scheme(std::string_view rest) {
  const auto slash = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view host;
  std::string_view port;
  if (!split_authority(rest.substr(0, slash), host, port) || !is_host(host)) {
    return fail(Errc::kBadConfig, "no host in it");
  }
  HttpUrl url{.scheme = "http", .host = std::string(host), .port = 80, .path = ""};
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return fail(number.error());
    url.port = *number;
  }
  std::string_view path = rest.substr(slash);
  path = path.substr(0, path.find('#'));  // a fragment never leaves the client
  url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  return url;
}

}  // namespace

Result<HttpUrl> parse_url(std::string_view text) {
  const auto shown = text.substr(0, 300);
  const auto refuse = [shown](std::string_view why) {
    return fail(Errc::kBadConfig, "url '{}': {}", shown, why);
  };
  const auto odd = [](char c) { return c <= ' ' || c >= 0x7f; };
  if (text.empty()) return refuse("is empty, want http://host:port");
  if (std::any_of(text.begin(), text.end(), odd)) return refuse("has a blank or control character");
  if (text.starts_with("https://")) return refuse("https engines are not supported yet");
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return refuse("must start with http://");
  const auto rest = text.substr(kScheme.size());
  if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos) {
    return refuse("credentials do not belong in it");
  }
  auto url = parse_after_scheme(rest);
  if (!url) return refuse(url.error().message);
  return url;
}

std::string authority(const HttpUrl& url) {
  const std::string host = url_host(url.host);
  return url.port == 80 ? host : fmt::format("{}:{}", host, url.port);
}

std::string url_host(std::string_view host) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return v6 ? fmt::format("[{}]", host) : std::string(host);
}

}  // namespace leadline
