#include "adapter/redis/connection.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "daemon/event_loop.h"
#include "daemon/text_file.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxPassword = 64 * 1024;

// What a login was answered, without what a server may repeat of it: Redis quotes the arguments of
// a command that it does not know, and one of AUTH's is the password.
std::string refusal_of(const RedisCommand& command, std::string_view words) {
  const std::string_view code = words.substr(0, words.find(' '));
  const bool plain =
      code.size() < 20 && std::ranges::all_of(code, [](char c) { return c >= 'A' && c <= 'Z'; });
  return fmt::format("login: {} was answered {}", command.front(), plain ? code : "an error");
}

}  // namespace

RedisServer RedisServer::at(const RedisAddress& address) const {
  RedisServer server = *this;
  server.host = address.host;
  server.port = address.port;
  return server;
}

RedisConnection::RedisConnection(EventLoop& loop, RedisServer server)
    : loop_(loop), server_(std::move(server)) {
  connect_anew();
}

void RedisConnection::connect_anew() {
  MakeCipher make_cipher;
  if (server_.tls) {
    make_cipher = [files = *server_.tls, host = server_.host] { return tls_cipher(files, host); };
  }
  MayDial may_dial;
  if (server_.rule) {
    may_dial = [rule = *server_.rule](std::string_view address) { return rule.check(address); };
  }
  stream_ = std::make_unique<StreamConnection>(loop_, server_.host, server_.port,
                                               std::move(make_cipher), std::move(may_dial));
}

Result<std::string> RedisConnection::password() const {
  if (server_.password_file.empty()) return server_.password;
  auto password = read_text_file(server_.password_file, kMaxPassword);
  if (password) password->resize(password->find_last_not_of("\r\n") + 1);
  return password;
}

// What a fresh connection says first.
Result<std::vector<RedisCommand>> RedisConnection::login() const {
  std::vector<RedisCommand> commands;
  auto password = this->password();
  if (!password) return fail(password.error());
  if (!password->empty()) {
    RedisCommand auth = {"AUTH"};
    if (!server_.username.empty()) auth.push_back(server_.username);
    auth.push_back(std::move(*password));
    commands.push_back(std::move(auth));
  }
  if (server_.database != 0) commands.push_back({"SELECT", std::to_string(server_.database)});
  return commands;
}

void RedisConnection::pipeline(const std::vector<RedisCommand>& commands, Done done) {
  std::vector<RedisCommand> logins;
  if (!stream_->connected()) {
    auto first = login();
    if (!first) {
      return loop_.post(
          [done = std::move(done), error = first.error(), alive = std::weak_ptr<bool>(alive_)] {
            if (!alive.expired()) done(fail(error));
          });
    }
    logins = std::move(*first);
  }
  std::string bytes;
  for (const RedisCommand& command : logins) bytes += redis_bytes(command);
  for (const RedisCommand& command : commands) bytes += redis_bytes(command);
  reader_ = std::make_shared<RedisReader>(logins.size() + commands.size());
  for (RedisCommand& command : logins) command.resize(1);  // the password is not kept
  stream_->exchange({.bytes = std::move(bytes),
                     .feed = [reader = reader_](std::string_view got) { return reader->feed(got); },
                     .timeout = server_.timeout},
                    [this, logins = std::move(logins), done = std::move(done)](
                        const Result<void>& result) { finish(done, logins, result); });
}

void RedisConnection::finish(const Done& done, const std::vector<RedisCommand>& logins,
                             const Result<void>& result) {
  if (!result) return done(fail(result.error()));
  Replies replies = reader_->take();
  for (std::size_t i = 0; i < logins.size(); ++i) {
    if (replies[i].type != RedisReply::Type::kError) continue;
    connect_anew();  // without its rights this one is of no use
    return done(fail(Errc::kBadInput, "{}", refusal_of(logins[i], replies[i].text)));
  }
  const auto first = static_cast<std::ptrdiff_t>(logins.size());
  replies.erase(replies.begin(), std::next(replies.begin(), first));
  done(std::move(replies));
}

}  // namespace leadline
