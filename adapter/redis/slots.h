// Where the keys of a Redis Cluster lie: the slot of a key, which node serves which slot, and what
// a node says when it does not. Pure, and made for hostile text. Used by ClusterClient.
// Source: redis.io "Redis cluster specification".

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "adapter/redis/address.h"
#include "adapter/redis/codec.h"
#include "base/result.h"

namespace leadline {

constexpr std::uint16_t kRedisSlots = 16'384;

// CRC16 of XMODEM.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes);

// Of the whole key, or of what stands in its first {} where that is not empty.
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

// "MOVED 3999 10.0.0.1:6379": ask there from now on; "ASK ...": ask there once, with ASKING.
struct RedisRedirect {
  bool is_ask = false;
  RedisAddress address;
};

// nullopt: the error is none, or none that can be read. `asked`: who said it; that is the host
// where it names none.
[[nodiscard]] std::optional<RedisRedirect> redirect_in(std::string_view error,
                                                       const RedisAddress& asked);

// Moved, never copied: it points into itself.
class SlotMap {
 public:
  static constexpr std::size_t kMaxNodes = 1'000;  // Redis' own advice

  SlotMap(SlotMap&&) = default;
  SlotMap& operator=(SlotMap&&) = default;

  // What CLUSTER SLOTS was answered by `asked`. kUnavailable: an error, or no slot is served;
  // kBadInput: it cannot be read.
  [[nodiscard]] static Result<SlotMap> from(const RedisReply& reply, const RedisAddress& asked);

  // nullptr: nobody serves the slot.
  [[nodiscard]] const RedisAddress* master_of(std::uint16_t slot) const;
  // Whether it is a node, replicas among them.
  [[nodiscard]] bool names(const RedisAddress& address) const { return nodes_.contains(address); }

 private:
  SlotMap() = default;
  [[nodiscard]] Result<void> add_range(const RedisReply& range, const RedisAddress& asked);

  std::set<RedisAddress> nodes_;
  std::vector<const RedisAddress*> masters_;  // by slot; into nodes_, whose places stay
};

}  // namespace leadline
