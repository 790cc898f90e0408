#include "bench/api/nginx.h"

#include <filesystem>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "demo/local_pods.h"
#include "tests/required.h"

namespace leadline::bench {
namespace {

constexpr int kPort = 8443;

std::string address() {
  return loopback_address(1);
}

// As a server of static files is tuned: no log, the file's descriptor kept, connections that last.
// One process does all, so that it ends with us; it serves as a worker does.
std::string configuration(const WorkFolder& folder, const std::string& path) {
  return fmt::format(R"(master_process off;
daemon off;
pid {0}/nginx.pid;
error_log {0}/nginx.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  server_tokens off;
  etag off;
  tcp_nodelay on;
  sendfile off;
  keepalive_requests 1000000000;
  open_file_cache max=16 inactive=1h;
  server {{
    listen {1}:{2} ssl;
    ssl_certificate {0}/adapter.crt;
    ssl_certificate_key {0}/adapter.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    location = {3} {{
      alias {0}/answer;
      default_type application/json;
      add_header Cache-Control "no-cache, private";
    }}
  }}
}}
)",
                     folder.path(), address(), kPort, path);
}

ChildProcess started(const WorkFolder& folder) {
  return required(
      ChildProcess::start({.program = "/usr/sbin/nginx",
                           .arguments = {"-p", folder.path(), "-c", folder.file("nginx.conf")},
                           .environment = {},
                           .log_file = folder.file("nginx.out")}));
}

}  // namespace

Nginx::Nginx(const WorkFolder& folder, const std::string& path, const std::string& body)
    : process_(ChildProcess::none()) {
  required(folder.write("answer", body));
  required(folder.write("nginx.conf", configuration(folder, path)));
  process_ = started(folder);
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{10};
  while (!std::filesystem::exists(folder.file("nginx.pid"))) {  // written once it listens
    if (system_now().steady > deadline) throw std::runtime_error("nginx does not start");
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

std::string Nginx::url() const {
  return fmt::format("https://{}:{}", address(), kPort);
}

}  // namespace leadline::bench
