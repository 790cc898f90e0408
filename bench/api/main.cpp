// What an answer of the metrics API costs the adapter, and how long it takes, beside nginx serving
// the same bytes over TLS in the same run: a Pods metric of all pods by labelSelector, and one
// external value over them.
//
//   bench_api [--pods 1000] [--seconds 10] [--rounds 2]
//
// Client: Debian's wrk, one thread, keep-alive connections, each asking again as soon as it has its
// answer. CPU is user + system of the whole server process over the run, the kernel's work for its
// sockets included, less what the adapter uses when nobody asks (it hears every pod once a second
// meanwhile). Adapter and nginx take turns.

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/api/nginx.h"
#include "bench/parts/measured_adapter.h"
#include "bench/parts/process_usage.h"
#include "bench/parts/stand_in_fleet.h"

namespace {

using namespace leadline;
using namespace leadline::bench;

struct Arguments {
  int pods = 1000;
  int seconds = 10;
  int rounds = 2;
};

struct Question {
  std::string what;
  std::string path;
  int connections;
};

struct Server {
  std::string name;
  std::string url;
  pid_t pid;
  double idle_share;  // of one core
};

struct Report {
  double answers = 0, bad_status = 0, timeouts = 0, seconds = 0, p50_ms = 0, p99_ms = 0;
};

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  if (pipe == nullptr) throw std::runtime_error(command);
  std::string text;
  char part[4096];
  while (const std::size_t got = std::fread(part, 1, sizeof part, pipe.get())) {
    text.append(part, got);
  }
  return text;
}

double number_after(const std::string& text, const std::string& key) {
  const auto at = text.find(" " + key + "=");
  if (at == std::string::npos) throw std::runtime_error("wrk says:\n" + text);
  return std::stod(text.substr(at + key.size() + 2));
}

Report ask(const Question& question, const Server& server, const std::string& token, int seconds) {
  const std::string text = output_of(fmt::format(
      "wrk -t1 -c{} -d{}s -s {}/bench/api/report.lua -H 'Authorization: Bearer {}' "
      "'{}{}' 2>&1",
      question.connections, seconds, LEADLINE_SOURCE_DIR, token, server.url, question.path));
  return {.answers = number_after(text, "answers"),
          .bad_status = number_after(text, "bad_status"),
          .timeouts = number_after(text, "timeouts"),
          .seconds = number_after(text, "seconds"),
          .p50_ms = number_after(text, "p50_ms"),
          .p99_ms = number_after(text, "p99_ms")};
}

// CPU seconds per answer.
double measure(const Question& question, const Server& server, const std::string& token,
               int seconds) {
  const CpuMeter meter(server.pid);
  const Report report = ask(question, server, token, seconds);
  const double busy = meter.cpu() - server.idle_share * meter.elapsed();
  const double each = busy / report.answers;
  std::printf(
      "api what=%s server=%s connections=%d answers=%.0f late=%.0f per_second=%.0f "
      "cpu_us_per_answer=%.2f cores=%.2f p50_ms=%.3f p99_ms=%.3f\n",
      question.what.c_str(), server.name.c_str(), question.connections, report.answers,
      report.timeouts, report.answers / report.seconds, 1e6 * each, meter.share(), report.p50_ms,
      report.p99_ms);
  if (report.bad_status > 0) throw std::runtime_error("answers other than 200");
  return each;
}

void compare(const Question& question, MeasuredAdapter& adapter, double idle_share,
             const Arguments& arguments) {
  const std::string body = adapter.body_of(question.path);
  const Nginx nginx(adapter.folder(), question.path.substr(0, question.path.find('?')), body);
  const std::string adapter_url = fmt::format("https://127.0.0.1:{}", adapter.process().port());
  const Server ours{"leadline", adapter_url, adapter.pid(), idle_share};
  const Server theirs{"nginx", nginx.url(), nginx.pid(), 0};
  double our_cpu = 0, their_cpu = 0;
  for (int round = 0; round < arguments.rounds; ++round) {
    our_cpu += measure(question, ours, adapter.process().token(), arguments.seconds);
    their_cpu += measure(question, theirs, adapter.process().token(), arguments.seconds);
  }
  std::printf("api what=%s bytes=%zu cpu_us_leadline=%.2f cpu_us_nginx=%.2f ratio=%.2f\n",
              question.what.c_str(), body.size(), 1e6 * our_cpu / arguments.rounds,
              1e6 * their_cpu / arguments.rounds, our_cpu / their_cpu);
}

void run(const Arguments& arguments) {
  const StandInFleet fleet(arguments.pods);
  MeasuredAdapter adapter(fleet.pods_document(), arguments.pods);
  const CpuMeter idle(adapter.pid());
  std::this_thread::sleep_for(std::chrono::seconds{5});
  const double idle_share = idle.share();
  std::printf("api what=idle pods=%d adapter_cpu_percent=%.2f\n", arguments.pods, 100 * idle_share);
  compare({.what = fmt::format("pods_{}", arguments.pods),
           .path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/bench/pods/*/queue_depth"
                   "?labelSelector=app%3Dllm",
           .connections = 4},
          adapter, idle_share, arguments);
  compare({.what = "external",
           .path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/bench/in_flight_requests"
                   "?labelSelector=workload%3Dllm",
           .connections = 8},
          adapter, idle_share, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("CPU and latency of the metrics API beside nginx.", "bench_api");
  app.add_option("--pods", arguments.pods, "stand-in sidecars")->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", arguments.seconds, "of each round")->check(CLI::Range(1, 600));
  app.add_option("--rounds", arguments.rounds, "for each server")->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    return report_failure("bench_api", error);
  }
  return 0;
}
