// FakeSidecar answers /snapshot on a free port as the design page says, and misbehaves on demand.
// It lives on a loop of its own; every method may be called from the test's thread.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http_server.h"
#include "engine/snapshot_codec.h"
#include "tests/unit/adapter/view_builder.h"
#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

class FakeSidecar {
 public:
  // Speaks for `pod`, whose ip and port it fills in by itself in dialled().
  explicit FakeSidecar(Pod pod) : pod_(std::move(pod)) {
    thread_.call([this] {
      auto made = HttpServer::listen(
          thread_.loop(), "127.0.0.1", 0,
          [this](const HttpRequest& request, Respond respond) { handle(request, respond); });
      server_ = std::move(made.value());
      pod_.ip = "127.0.0.1";
      pod_.port = server_->port();
    });
    say({});
  }
  ~FakeSidecar() { die(); }

  // The pod as a list names it to reach this sidecar.
  [[nodiscard]] const Pod& dialled() const { return pod_; }

  void say(const Said& said) { publish(*snapshot_of(pod_, said)); }

  void say_nothing_known() {
    auto empty = *snapshot_of(pod_, {});
    empty.series.clear();
    publish(empty);
  }

  void publish(PodSnapshot snapshot) {
    thread_.call([&] {
      snapshot.sequence = ++sequence_;
      body_ = std::make_shared<const std::string>(encode(snapshot));
      for (const Respond& respond : std::exchange(parked_, {})) answer(respond, 200);
    });
  }

  // Answers with this status and no body from now on; 0 ends it.
  void refuse_with(int status) {
    thread_.call([&] {
      refusal_ = status;
      for (const Respond& respond : std::exchange(parked_, {})) answer(respond, 204);
    });
  }

  // Tells those who wait that nothing is new.
  void let_waiters_go() {
    thread_.call([&] {
      for (const Respond& respond : std::exchange(parked_, {})) answer(respond, 204);
    });
  }

  [[nodiscard]] std::size_t waiters() {
    return thread_.call([&] { return parked_.size(); });
  }

  [[nodiscard]] std::uint64_t connections() { return server_->stats().open_connections; }

  void die() {
    thread_.call([this] {
      parked_.clear();
      server_.reset();
    });
  }

 private:
  [[nodiscard]] std::string token() const { return "feed-" + std::to_string(sequence_); }

  void handle(const HttpRequest& request, const Respond& respond) {
    if (refusal_ != 0) return respond(make_response(refusal_, "text/plain", "no"));
    const bool knows = request.target.find("after=" + token() + "&") != std::string::npos;
    if (knows) {
      parked_.push_back(respond);
    } else {
      answer(respond, 200);
    }
  }

  void answer(const Respond& respond, int status) {
    HttpResponse response;
    response.status = status;
    response.headers = {
        {"Leadline-Token", token()}, {"Leadline-Sample-Age-Ms", "0"}, {"Leadline-Parked-Ms", "0"}};
    if (status == 200) response.body = body_;
    respond(std::move(response));
  }

  LoopThread thread_;
  std::unique_ptr<HttpServer> server_;
  Pod pod_;
  // Touched on the loop only.
  std::shared_ptr<const std::string> body_;
  std::vector<Respond> parked_;
  std::uint64_t sequence_ = 0;
  int refusal_ = 0;
};

// Looks every 5 ms on `thread`'s loop, for ten seconds at most, until `holds`.
template <typename Condition>
bool eventually(LoopThread& thread, Condition holds) {
  for (int i = 0; i < 2'000; ++i) {
    if (thread.call(holds)) return true;
    std::promise<void> later;
    auto waited = later.get_future();
    thread.call([&] {
      thread.loop().call_after(std::chrono::milliseconds{5}, [&] { later.set_value(); });
    });
    waited.get();
  }
  return false;
}

}  // namespace leadline::test
