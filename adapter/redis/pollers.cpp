#include "adapter/redis/pollers.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::chrono::minutes kLookAfter{1};

std::string key_of(const RedisServer& server) {
  const std::string separator(1, '\0');  // in no part but, at worst, in the last
  return fmt::format("{1}{0}{2}{0}{3}{0}{4}{0}{5}{0}{6}", separator, server.host, server.port,
                     server.database, server.tls.has_value(), server.username, server.password);
}

}  // namespace

RedisPollers::~RedisPollers() {
  loop_.cancel(timer_);
}

void RedisPollers::start(const std::vector<RedisServer>& configured) {
  for (const RedisServer& server : configured) add(server);
  forget_unused();
}

void RedisPollers::add(const RedisServer& server) {
  configured_.push_back(std::make_unique<RedisPoller>(loop_, server, board_, metrics_));
  configured_.back()->start();
}

Result<std::string> RedisPollers::named(const std::string& namespace_name, RedisServer server) {
  std::string key = key_of(server);
  const std::lock_guard lock(mutex_);
  if (const auto known = named_.find(key); known != named_.end()) {
    known->second.unused = false;
    return known->second.name;
  }
  if (const auto room = has_room(namespace_name); !room) return fail(room.error());
  server.name = free_name(server);
  named_[key] = {.name = server.name, .namespace_name = namespace_name, .poller = nullptr};
  loop_.post([this, key = std::move(key), server] { poll(key, server); });
  return server.name;
}

void RedisPollers::poll(const std::string& key, const RedisServer& server) {
  auto poller = std::make_unique<RedisPoller>(loop_, server, board_, metrics_);
  poller->start();
  const std::lock_guard lock(mutex_);
  named_[key].poller = std::move(poller);
}

Result<void> RedisPollers::has_room(const std::string& namespace_name) const {
  const auto siblings = static_cast<std::size_t>(std::ranges::count_if(
      named_, [&](const auto& each) { return each.second.namespace_name == namespace_name; }));
  if (siblings >= kMaxNamedOfNamespace) {
    return fail(Errc::kUnavailable, "triggers of this namespace name {} Redis servers, the most",
                siblings);
  }
  if (named_.size() < kMaxNamed) return {};
  return fail(Errc::kUnavailable, "triggers name {} Redis servers, the most", named_.size());
}

// Tells nothing of the login.
std::string RedisPollers::free_name(const RedisServer& server) const {
  const std::string name = fmt::format("{}:{}/{}", server.host, server.port, server.database);
  const auto is_taken = [&](const std::string& wanted) {
    return std::ranges::any_of(named_,
                               [&](const auto& each) { return each.second.name == wanted; });
  };
  std::string free = name;
  for (int number = 2; is_taken(free); ++number) free = fmt::format("{}#{}", name, number);
  return free;
}

// At the second look: a trigger may have named it, and not yet asked for its queue.
void RedisPollers::forget_unused() {
  timer_ = loop_.call_after(kLookAfter, [this] { forget_unused(); });
  const std::lock_guard lock(mutex_);
  for (auto each = named_.begin(); each != named_.end();) {
    Named& server = each->second;
    const bool unused = server.poller != nullptr && board_.of(server.name)->empty();
    const bool forgotten = std::exchange(server.unused, unused) && unused;
    each = forgotten ? named_.erase(each) : std::next(each);
  }
}

}  // namespace leadline
