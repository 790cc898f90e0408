// What hostile peers cost a healthy one: the latency of one external value over TLS keep-alive,
// undisturbed and during each attack, in the same run. 100 stand-in sidecars before the real
// adapter.
//
//   bench_hostile [--answers 2000]
//
// The healthy client asks every 2 ms. Attackers do what they do at a pace that leaves the machine's
// two cores room, and at the scheduler's lowest priority: real ones bring their own processors, so
// that what is measured is the server.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "bench/parts/measured_adapter.h"
#include "bench/parts/stand_in_fleet.h"
#include "tests/text_of.h"
#include "tests/unit/daemon/raw_socket.h"
#include "tests/unit/daemon/tls_client.h"

namespace {

using namespace leadline;
using namespace leadline::bench;
using leadline::test::RawSocket;
using leadline::test::TlsClient;
using std::chrono::duration;
using std::chrono::milliseconds;

constexpr const char* kAttacker = "127.0.0.66";
constexpr int kIdleConnections = 500;
constexpr int kSlowConnections = 100;
constexpr std::size_t kFloodBytes = 100 * 1024 * 1024;

struct Target {
  std::uint16_t port;
  std::string certificate, token;

  [[nodiscard]] TlsClient connect() const { return {port, {.trusted_pem = certificate}}; }
};

// Gives way to everybody at once.
void run_as_a_guest() {
  const sched_param none{};
  if (pthread_setschedparam(pthread_self(), SCHED_IDLE, &none) != 0)
    throw std::runtime_error("SCHED_IDLE was refused");
}

// One round of an attack, again and again until told to stop.
class Attack {
 public:
  Attack(std::function<void()> round, milliseconds pause)
      : thread_([this, round = std::move(round), pause] {
          run_as_a_guest();
          while (!stop_) {
            try {
              round();
            } catch (const std::runtime_error&) {
              // Its connection was closed: that is what it is for.
            }
            ++rounds_;
            std::this_thread::sleep_for(pause);
          }
        }) {}
  ~Attack() {
    stop_ = true;
    thread_.join();
  }
  Attack(const Attack&) = delete;
  Attack& operator=(const Attack&) = delete;

  [[nodiscard]] int rounds() const { return rounds_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> rounds_ = 0;
  std::thread thread_;
};

// Seconds of each answer, ascending.
std::vector<double> ask(const Target& target, int answers) {
  const std::string request = fmt::format(
      "GET /apis/external.metrics.k8s.io/v1beta1/namespaces/{}/in_flight_requests"
      "?labelSelector=workload%3D{} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
      kNamespace, kWorkload, target.token);
  TlsClient client = target.connect();
  std::vector<double> seconds;
  for (int i = 0; i < answers; ++i) {
    const SteadyTime begin = system_now().steady;
    client.send(request);
    const std::string answer = client.read_answer();
    if (test::status_of(answer) != 200)
      throw std::runtime_error("the healthy client was refused: " + answer);
    seconds.push_back(duration<double>(system_now().steady - begin).count());
    std::this_thread::sleep_for(milliseconds{2});
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

// --- What they do.

// Connections that say nothing; whoever was closed comes again.
std::function<void()> idle(const Target& target) {
  auto held = std::make_shared<std::vector<RawSocket>>();
  return [held, &target] {
    if (held->size() >= kIdleConnections) held->clear();
    for (int i = 0; i < 50; ++i) held->push_back(RawSocket::connect(target.port, kAttacker));
  };
}

// Headers that come a line at a time and never end.
std::function<void()> slow(const Target& target) {
  auto held = std::make_shared<std::vector<std::unique_ptr<TlsClient>>>();
  return [held, &target] {
    if (held->size() < kSlowConnections) {
      held->push_back(std::make_unique<TlsClient>(
          target.port, test::TlsClientOptions{.trusted_pem = target.certificate}));
      held->back()->send("GET / HTTP/1.1\r\nHost: a\r\n");
    }
    for (const auto& client : *held) client->send("X: 1\r\n");
  };
}

// One header of 100 MB, as far as the server reads it.
std::function<void()> flood(const Target& target) {
  return [&target] {
    TlsClient client = target.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    const std::string part(64 * 1024, 'x');
    for (std::size_t sent = 0; sent < kFloodBytes && client.send(part);) sent += part.size();
  };
}

// Requests within requests, selectors of 60 KB, paths of 10,000 characters, identities of others.
std::function<void()> forge(const Target& target) {
  return [&target] {
    const std::string long_path = "/" + std::string(10'000, 'p');
    const std::string selector =
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/x/y?labelSelector=" +
        std::string(60'000, 'a');
    const std::vector<std::string> requests = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", long_path),
        fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", selector),
        "GET /apis HTTP/1.1\r\nHost: a\r\nX-Remote-User: system%3Amasters\r\n"
        "X-Remote-Group: system:masters\r\n\r\n"};
    for (const std::string& request : requests) {
      TlsClient client = target.connect();
      client.send(request);
      const int status = test::status_of(client.read_answer());
      if (status >= 200 && status < 300) throw std::logic_error("a forged request was answered");
    }
  };
}

void report(const char* what, const std::vector<double>& seconds, double quiet_p99, int rounds) {
  const double p99 = quantile_of(seconds, 0.99);
  std::printf("hostile what=%s rounds=%d p50_ms=%.3f p99_ms=%.3f ratio_of_p99=%.2f\n", what, rounds,
              1000 * quantile_of(seconds, 0.5), 1000 * p99, p99 / quiet_p99);
}

void run(int answers) {
  const StandInFleet fleet(100);
  MeasuredAdapter adapter(fleet.pods_document(), 100);
  const Target target{adapter.process().port(), text_of(adapter.process().certificate_file()),
                      adapter.process().token()};
  std::this_thread::sleep_for(std::chrono::seconds{2});  // each sidecar has published by then
  static_cast<void>(ask(target, answers / 4));           // warm
  const std::vector<double> quiet = ask(target, answers);
  const double quiet_p99 = quantile_of(quiet, 0.99);
  report("undisturbed", quiet, quiet_p99, 0);
  const auto during = [&](const char* what, std::function<void()> round, milliseconds pause) {
    const Attack attack(std::move(round), pause);
    std::this_thread::sleep_for(std::chrono::seconds{1});
    const std::vector<double> seconds = ask(target, answers);
    report(what, seconds, quiet_p99, attack.rounds());
  };
  during("idle_connections", idle(target), milliseconds{100});
  during("slow_headers", slow(target), milliseconds{100});
  during("header_of_100_MB", flood(target), milliseconds{50});
  during("forged_requests", forge(target), milliseconds{50});
}

}  // namespace

int main(int argc, char** argv) {
  int answers = 2000;
  CLI::App app("A healthy client's latency beside hostile ones.", "bench_hostile");
  app.add_option("--answers", answers, "of the healthy client, for each row")
      ->check(CLI::Range(100, 100'000));
  CLI11_PARSE(app, argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    run(answers);
  } catch (const std::exception& error) {
    return report_failure("bench_hostile", error);
  }
  return 0;
}
