#include "adapter/redis/reply.h"

#include <charconv>

#include "daemon/log.h"

namespace leadline {

const std::string& key_of(const RedisCommand& command) {
  static const std::string kNone;
  const std::size_t place = command.front() == "XINFO" ? 2 : 1;
  return place < command.size() ? command[place] : kNone;
}

std::optional<std::int64_t> whole_number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string shown_words(std::string_view words) {
  constexpr std::size_t kEnough = 200;  // bytes
  return printable(words.substr(0, kEnough));
}

tl::unexpected<Error> refused(const RedisCommand& command, std::string_view why) {
  const std::string& key = key_of(command);
  return fail(Errc::kBadInput, "{}{}{}: {}", command.front(), key.empty() ? "" : " ",
              printable(key), shown_words(why));
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
