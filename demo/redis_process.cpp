#include "demo/redis_process.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "base/clock.h"

namespace leadline {
namespace {

constexpr int kAttempts = 3;

// One that was free a moment ago: redis-server has no word for "any". 0: there is none.
std::uint16_t free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  const bool bound =
      ::bind(listener, plain, size) == 0 && ::getsockname(listener, plain, &size) == 0;
  ::close(listener);
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

Result<RedisProcess> RedisProcess::start(const WorkFolder& folder) {
  const auto program = find_program("redis-server");
  if (!program) {
    return fail(Errc::kUnavailable,
                "no redis-server on PATH or in /usr/bin; on Debian: apt-get install redis-server");
  }
  Error last{Errc::kUnavailable, {}};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {  // its port may just have been taken
    const std::string port = std::to_string(free_port());
    auto process =
        ChildProcess::start({.program = *program,
                             .arguments = {"--bind", "127.0.0.1", "--port", port, "--save", "",
                                           "--appendonly", "no", "--dir", folder.path()},
                             .environment = {},
                             .log_file = folder.file("redis-" + port + ".log")});
    if (!process) return fail(process.error());
    const auto ready = process->wait_for("Ready to accept connections", system_now,
                                         system_now().steady + std::chrono::seconds{20});
    if (ready) return RedisProcess(std::move(*process), "127.0.0.1:" + port);
    last = ready.error();
  }
  return fail(last);
}

}  // namespace leadline
