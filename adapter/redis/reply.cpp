#include "adapter/redis/reply.h"

#include "daemon/log.h"

namespace leadline {
namespace {

constexpr std::size_t kShownError = 200;  // bytes of a server's words that a message repeats

}  // namespace

const std::string& key_of(const RedisCommand& command) {
  static const std::string kNone;
  const std::size_t place = command.front() == "XINFO" ? 2 : 1;
  return place < command.size() ? command[place] : kNone;
}

tl::unexpected<Error> refused(const RedisCommand& command, std::string_view why) {
  const std::string& key = key_of(command);
  return fail(Errc::kBadInput, "{}{}{}: {}", command.front(), key.empty() ? "" : " ",
              printable(key), printable(why.substr(0, kShownError)));
}

const RedisReply* field(const RedisReply& reply, std::string_view name) {
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2) {
    if (reply.items[i].text == name) return &reply.items[i + 1];
  }
  return nullptr;
}

bool is_count(const RedisReply* reply) {
  return reply != nullptr && reply->type == RedisReply::Type::kInteger && reply->integer >= 0 &&
         reply->integer <= kMostJobs;
}

}  // namespace leadline
