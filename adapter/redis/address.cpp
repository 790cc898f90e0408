#include "adapter/redis/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/ascii_case.h"

namespace leadline {
namespace {

using Bytes = std::array<unsigned char, 16>;

// As IPv6, of which IPv4's are a part (RFC 4291 §2.5.5.2).
std::optional<Bytes> bytes_of(std::string_view address) {
  const std::string text(address);
  Bytes bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes[10] = bytes[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_ipv4(const Bytes& bytes) {
  constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0;
}

// Why no name should lead there; empty: it may. RFC 6890, RFC 4291.
std::string_view special(const Bytes& bytes) {
  if (is_ipv4(bytes)) {
    const unsigned char first = bytes[12];
    if (first == 127) return "loopback";
    if (first == 0) return "unspecified";
    if (first == 169 && bytes[13] == 254) return "link-local";
    return first >= 224 ? "multicast or reserved" : "";
  }
  const bool only_last = std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
  if (only_last && bytes[15] <= 1) return bytes[15] == 1 ? "loopback" : "unspecified";
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return "link-local";
  return bytes[0] == 0xff ? "multicast" : "";
}

constexpr std::size_t kMaxHost = 255;  // RFC 1035

bool is_plain_name(std::string_view host) {
  return !host.empty() && host.find_first_of("[]/@: \t\r\n") == std::string_view::npos;
}

}  // namespace

std::optional<RedisAddress> parse_redis_address(std::string_view text, std::uint16_t default_port) {
  RedisAddress address{.host = {}, .port = default_port};
  const bool bracketed = text.starts_with('[');
  const std::size_t end_of_host = bracketed ? text.find(']') : text.find(':');
  std::string_view host = text.substr(0, end_of_host);
  std::string_view rest = text.substr(std::min(host.size(), text.size()));
  if (bracketed) {
    if (end_of_host == std::string_view::npos) return std::nullopt;
    host.remove_prefix(1);
    rest.remove_prefix(1);
    if (!bytes_of(host)) return std::nullopt;
  } else if (!is_plain_name(host)) {
    return std::nullopt;
  }
  address.host = ascii_lower(host);
  if (rest.empty()) return address;
  const char* end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data() + 1, end, address.port);
  const bool fits = rest.front() == ':' && error == std::errc() && stop == end && address.port > 0;
  return fits ? std::optional(address) : std::nullopt;
}

std::optional<RedisAddress> told_redis_address(std::string_view host, std::int64_t port) {
  const bool plain = host.size() <= kMaxHost && std::ranges::all_of(host, [](char c) {
                       return c > ' ' && c < 0x7f && c != '?';  // Redis' "I do not know it"
                     });
  const bool dialable = plain && (is_plain_name(host) || bytes_of(host).has_value());
  if (!dialable || port < 1 || port > 65'535) return std::nullopt;
  return RedisAddress{.host = ascii_lower(host), .port = static_cast<std::uint16_t>(port)};
}

std::string to_text(const RedisAddress& address) {
  const bool bracketed = address.host.find(':') != std::string::npos;
  return bracketed ? fmt::format("[{}]:{}", address.host, address.port)
                   : fmt::format("{}:{}", address.host, address.port);
}

Result<void> AddressRule::check(std::string_view address) const {
  const auto bytes = bytes_of(address);
  if (!bytes) return fail(Errc::kUnavailable, "{} is no address", address);
  std::string_view why = special(*bytes);
  const auto is_it = [&](const std::string& other) { return bytes_of(other) == bytes; };
  if (why.empty() && std::ranges::any_of(refused, is_it)) why = "the API server's";
  if (why.empty()) return {};
  return fail(Errc::kUnavailable, "the name leads to {}, {}, where a trigger may not send us",
              address, why);
}

}  // namespace leadline
