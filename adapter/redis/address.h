// Where a Redis server listens, as a person or another server says it, and which addresses a tenant
// may not make us dial. Pure.

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leadline {

struct RedisAddress {
  std::string host;  // a name in lower case or an address, without the brackets of IPv6
  std::uint16_t port = 6379;
  auto operator<=>(const RedisAddress&) const = default;
};

// HOST, HOST:PORT or [IPv6]:PORT, without a scheme; nullopt: it is none of these.
[[nodiscard]] std::optional<RedisAddress> parse_redis_address(std::string_view text,
                                                              std::uint16_t default_port = 6379);

// What a Sentinel or a node of a Cluster says of a server; IPv6 has no brackets there. nullopt: no
// host and port that could be dialled.
[[nodiscard]] std::optional<RedisAddress> told_redis_address(std::string_view host,
                                                             std::int64_t port);

// HOST:PORT, as a person writes it.
[[nodiscard]] std::string to_text(const RedisAddress& address);

// What a name may resolve to that stands in a trigger's metadata: its owner decides where it leads
// (a Service of type ExternalName, a zone of its own), and changes that at any time.
struct AddressRule {
  std::vector<std::string> refused;  // besides those that no name should lead to: the API server's

  // kUnavailable where `address`, in numbers, is loopback, link-local (a cloud's metadata),
  // unspecified, multicast or refused.
  [[nodiscard]] Result<void> check(std::string_view address) const;
};

}  // namespace leadline
