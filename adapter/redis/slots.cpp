#include "adapter/redis/slots.h"

#include <algorithm>
#include <string>

#include "adapter/redis/reply.h"

namespace leadline {
namespace {

using Type = RedisReply::Type;

constexpr std::size_t kLongestRedirect = 300;  // a host has 255 bytes at most

bool is_slot(std::int64_t number) {
  return number >= 0 && number < kRedisSlots;
}

// A node of CLUSTER SLOTS; nullopt: the cluster does not know its address.
std::optional<RedisAddress> node_in(const RedisReply& node, const RedisAddress& asked) {
  if (node.items.size() < 2 || node.items[1].type != Type::kInteger) return std::nullopt;
  const std::string& host = node.items[0].text;  // empty where it is nil
  return told_redis_address(host.empty() ? asked.host : host, node.items[1].integer);
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) {
  constexpr std::uint16_t kPolynomial = 0x1021;
  std::uint16_t crc = 0;
  for (const char byte : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ (static_cast<unsigned char>(byte) << 8));
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 0x8000) != 0;
      crc = static_cast<std::uint16_t>((crc << 1) ^ (carry ? kPolynomial : 0));
    }
  }
  return crc;
}

std::uint16_t slot_of(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    const bool tagged = close != std::string_view::npos && close > open + 1;
    if (tagged) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kRedisSlots;
}

std::optional<RedisRedirect> redirect_in(std::string_view error, const RedisAddress& asked) {
  const bool is_ask = error.starts_with("ASK ");
  if ((!is_ask && !error.starts_with("MOVED ")) || error.size() > kLongestRedirect) {
    return std::nullopt;
  }
  error.remove_prefix(error.find(' ') + 1);
  const std::size_t space = error.find(' ');
  const std::size_t colon = error.rfind(':');
  if (space == std::string_view::npos || colon == std::string_view::npos || colon < space) {
    return std::nullopt;
  }
  const auto slot = whole_number_in(error.substr(0, space));
  const auto port = whole_number_in(error.substr(colon + 1));
  if (!slot || !is_slot(*slot) || !port) return std::nullopt;
  const std::string_view host = error.substr(space + 1, colon - space - 1);
  const auto address = told_redis_address(host.empty() ? asked.host : host, *port);
  if (!address) return std::nullopt;
  return RedisRedirect{.is_ask = is_ask, .address = *address};
}

Result<SlotMap> SlotMap::from(const RedisReply& reply, const RedisAddress& asked) {
  if (reply.type == Type::kError) {
    return fail(Errc::kUnavailable, "CLUSTER SLOTS was answered {}", shown_words(reply.text));
  }
  if (reply.type != Type::kArray || reply.items.size() > kRedisSlots) {
    return fail(Errc::kBadInput, "CLUSTER SLOTS was answered with no list of slots");
  }
  SlotMap map;
  map.masters_.resize(kRedisSlots, nullptr);
  for (const RedisReply& range : reply.items) {
    if (const auto added = map.add_range(range, asked); !added) return fail(added.error());
  }
  const bool served = std::ranges::any_of(map.masters_, [](const auto* node) { return node; });
  if (!served) return fail(Errc::kUnavailable, "CLUSTER SLOTS names no node that serves a slot");
  return map;
}

// First slot, last slot, the master, its replicas.
Result<void> SlotMap::add_range(const RedisReply& range, const RedisAddress& asked) {
  const auto& items = range.items;
  const bool readable = items.size() >= 3 && items[0].type == Type::kInteger &&
                        items[1].type == Type::kInteger && is_slot(items[0].integer) &&
                        is_slot(items[1].integer) && items[0].integer <= items[1].integer;
  if (!readable) return fail(Errc::kBadInput, "CLUSTER SLOTS was answered with no range of slots");
  for (std::size_t i = 2; i < items.size(); ++i) {
    const auto address = node_in(items[i], asked);
    if (!address) continue;
    const RedisAddress* node = &*nodes_.insert(*address).first;
    if (nodes_.size() > kMaxNodes) {
      return fail(Errc::kBadInput, "CLUSTER SLOTS names more than {} nodes", kMaxNodes);
    }
    const bool is_master = i == 2;
    if (!is_master) continue;
    std::fill(masters_.begin() + items[0].integer, masters_.begin() + items[1].integer + 1, node);
  }
  return {};
}

const RedisAddress* SlotMap::master_of(std::uint16_t slot) const {
  return masters_[slot];
}

}  // namespace leadline
