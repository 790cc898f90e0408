#include "tests/unit/adapter/redis/real_redis.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <stdexcept>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/tls_key_pair.h"
#include "tests/unit/adapter/kube/certificates.h"

namespace leadline::test {

std::uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(listener, plain, size) == 0 && getsockname(listener, plain, &size) == 0;
  close(listener);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

void rest(LoopThread& thread, std::chrono::milliseconds time) {
  std::promise<void> over;
  auto waited = over.get_future();
  thread.call([&] { thread.loop().call_after(time, [&] { over.set_value(); }); });
  waited.get();
}

void wait_until(const std::function<bool()>& holds, const std::string& what) {
  LoopThread thread;
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{20};
  while (!holds()) {
    if (system_now().steady > deadline) throw std::runtime_error("never: " + what);
    rest(thread, std::chrono::milliseconds{10});
  }
}

namespace {

// ca.crt, server.{crt,key}, client.{crt,key}.
void write_certificates(const std::filesystem::path& folder) {
  const auto write = [&](const std::string& name, const KeyPair& pair) {
    std::ofstream(folder / (name + ".crt")) << pair.certificate_pem;
    std::ofstream(folder / (name + ".key")) << pair.key_pem;
  };
  const WallTime now = system_now().wall;
  const KeyPair authority = make_authority("redis test", now, std::chrono::hours{48}).value();
  const auto server = issue_certificate(authority, {"localhost"}, now, std::chrono::hours{48});
  write("ca", authority);
  write("server", server.value());
  write("client", make_certificate(&authority, {}));
}

}  // namespace

RealRedis::RealRedis(std::vector<std::string> more)
    : more_(std::move(more)), port_(free_port()), tls_port_(free_port()) {
  std::string name = std::filesystem::temp_directory_path() / "real-redis-XXXXXX";
  folder_ = mkdtemp(name.data());
  write_certificates(folder_);
  start();
  thread_.call([&] { connection_ = std::make_unique<RedisConnection>(thread_.loop(), server()); });
}

RealRedis::~RealRedis() {
  thread_.call([&] { connection_.reset(); });
  kill();
  std::filesystem::remove_all(folder_);
}

void RealRedis::start() {
  std::filesystem::remove(folder_ / "log");
  std::vector<std::string> arguments = {"--port",
                                        std::to_string(port_),
                                        "--tls-port",
                                        std::to_string(tls_port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--save",
                                        "",
                                        "--dir",
                                        folder_.string(),
                                        "--tls-ca-cert-file",
                                        folder_ / "ca.crt",
                                        "--tls-cert-file",
                                        folder_ / "server.crt",
                                        "--tls-key-file",
                                        folder_ / "server.key"};
  arguments.insert(arguments.end(), more_.begin(), more_.end());
  auto started = ChildProcess::start({.program = "/usr/bin/redis-server",
                                      .arguments = arguments,
                                      .environment = {},
                                      .log_file = folder_ / "log"});
  if (!started) throw std::runtime_error(started.error().message);
  process_ = std::move(*started);
  const auto ready = process_.wait_for("Ready to accept connections", system_now,
                                       system_now().steady + std::chrono::seconds{20});
  if (!ready) throw std::runtime_error(ready.error().message);
}

void RealRedis::kill() {
  process_ = ChildProcess::none();
}

void RealRedis::pause() const {
  process_.send_signal(SIGSTOP);
}

void RealRedis::resume() const {
  process_.send_signal(SIGCONT);
}

RedisReply RealRedis::say(const RedisCommand& command) {
  for (int attempt = 0;; ++attempt) {
    std::promise<Result<RedisConnection::Replies>> promise;
    auto future = promise.get_future();
    thread_.call([&] {
      connection_->pipeline({command}, [&promise](Result<RedisConnection::Replies> replies) {
        promise.set_value(std::move(replies));
      });
    });
    auto replies = await(future);
    if (replies) return replies->front();
    // The connection of the server before the last start().
    if (attempt > 0) throw std::runtime_error(replies.error().message);
  }
}

RedisServer RealRedis::server() const {
  return {.name = "main", .host = "127.0.0.1", .port = port_};
}

RedisServer RealRedis::tls_server() const {
  return {.name = "main",
          .host = "localhost",
          .port = tls_port_,
          .tls = TlsClientFiles{.ca_file = folder_ / "ca.crt",
                                .certificate_file = folder_ / "client.crt",
                                .key_file = folder_ / "client.key"}};
}

}  // namespace leadline::test
