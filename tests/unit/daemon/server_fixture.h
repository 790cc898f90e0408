// ServerFixture runs one HttpServer on a LoopThread and counts what its handler saw.

#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/http_server.h"
#include "tests/unit/daemon/loop_thread.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::test {

// /hello answers "hello", /park waits in `parked`, /throw throws, /echo gives the body back.
class ServerFixture : public testing::Test {
 protected:
  void TearDown() override {
    thread_.call([this] {
      parked_.clear();
      server_.reset();
    });
  }

  void start(HttpLimits limits = {}, std::shared_ptr<ServerTransport> transport = nullptr) {
    thread_.call([&, this] {
      auto made = HttpServer::listen(
          thread_.loop(), "127.0.0.1", 0,
          [this](const HttpRequest& request, const Respond& respond) { handle(request, respond); },
          limits, std::move(transport));
      server_ = std::move(made.value());
    });
  }

  void handle(const HttpRequest& request, const Respond& respond) {
    last_ = request;
    ++handled_;
    if (request.target == "/park") {
      parked_.push_back(respond);
    } else if (request.target == "/throw") {
      throw std::runtime_error("a bug");
    } else if (request.target == "/echo") {
      respond(make_response(200, "text/plain", request.body));
    } else {
      respond(make_response(200, "text/plain", "hello"));
    }
  }

  RawSocket connect(const char* from = "127.0.0.1") {
    return RawSocket::connect(server_->port(), from);
  }

  // Sends `bytes` on a connection of their own and returns all that comes until the close.
  std::string talk(std::string_view bytes) {
    RawSocket socket = connect();
    socket.send(bytes);
    return socket.read_to_end();
  }

  // Waits, ten seconds at most, until `holds` does on the loop's thread.
  template <typename Condition>
  bool eventually(Condition holds) {
    for (int i = 0; i < 2'000; ++i) {
      if (thread_.call(holds)) return true;
      std::promise<void> later;
      auto waited = later.get_future();
      thread_.call([&] {
        thread_.loop().call_after(std::chrono::milliseconds{5}, [&] { later.set_value(); });
      });
      waited.get();
    }
    return false;
  }

  LoopThread thread_;
  std::unique_ptr<HttpServer> server_;
  // Touched by the loop's thread only.
  HttpRequest last_;
  std::vector<Respond> parked_;
  std::atomic<int> handled_{0};
};

inline const std::string kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string kPark = "GET /park HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace leadline::test
