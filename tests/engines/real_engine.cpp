#include "tests/engines/real_engine.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "demo/local_pods.h"
#include "sim/text_file.h"
#include "tests/process/rig.h"

namespace leadline {
namespace {

constexpr int kPort = 8000;
// vLLM: one minute on two idle cores, four on two that ten others want.
constexpr std::chrono::minutes kStartPatience{10};
constexpr std::chrono::seconds kEndPatience{30};
constexpr std::size_t kShownOfLog = 2000;

std::string in_folder(std::string text, const std::string& folder) {
  const std::size_t at = text.find("{}");
  return at == std::string::npos ? text : text.replace(at, 2, folder);
}

std::string end_of_log(const std::string& file) {
  const std::string log = read_text_file(file).value_or("");
  return log.substr(log.size() - std::min(log.size(), kShownOfLog));
}

}  // namespace

Result<RealEngine> RealEngine::start(EngineCommand command) {
  static int engines = 0;
  const std::string folder = std::string(LEADLINE_SOURCE_DIR) + "/.cache/engines/" + command.name;
  const std::string program = folder + "/" + command.program;
  if (!std::filesystem::exists(program)) {
    return fail(Errc::kUnavailable, "{} is not there: run `./dev test --engines {}`", program,
                command.name);
  }
  const std::string address = loopback_address(100 + engines++);
  std::vector<std::string> arguments = std::move(command.arguments);
  for (std::string& argument : arguments) argument = in_folder(argument, folder);
  arguments.insert(arguments.end(), {"--host", address, "--port", std::to_string(kPort)});
  auto process = ChildProcess::start({.program = program,
                                      .arguments = std::move(arguments),
                                      .environment = std::move(command.environment),
                                      .log_file = command.log_file});
  if (!process) return fail(process.error());
  const SteadyTime begin = system_now().steady;
  RealEngine engine(address, std::move(*process));
  const auto ready = engine.wait_until_it_serves(command.log_file);
  if (!ready) return fail(ready.error().with_context(command.name));
  const std::chrono::duration<double> took = system_now().steady - begin;
  fmt::print("{} serves after {:.0f} s\n", command.name, took.count());
  return engine;
}

Result<void> RealEngine::wait_until_it_serves(const std::string& log_file) {
  bool serves = false;
  // An engine that ended will never serve: the wait ends with it.
  Rig::eventually(
      [&] {
        serves = !Rig::fetch(address_, kPort, "/metrics").empty();
        return serves || !process_.running();
      },
      kStartPatience);
  if (!serves) return fail(Errc::kUnavailable, "does not serve:\n{}", end_of_log(log_file));
  return {};
}

RealEngine::~RealEngine() {
  process_.send_signal(SIGTERM);
  Rig::eventually([this] { return !process_.running(); }, kEndPatience);
}

std::string RealEngine::url() const {
  return fmt::format("http://{}:{}", address_, kPort);
}

}  // namespace leadline
