#include "demo/adapter_process.h"

#include <charconv>
#include <filesystem>
#include <random>

#include "base/clock.h"
#include "daemon/tls_key_pair.h"

namespace leadline {
namespace {

std::string random_token() {
  std::random_device entropy;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", entropy(), entropy(), entropy(), entropy());
}

// The port behind `key` in ` api=127.0.0.1:40123 metrics=127.0.0.1:40124`; 0 where there is none.
std::uint16_t port_after(std::string_view key, std::string_view text) {
  const auto at = text.find(key);
  std::uint16_t port = 0;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + key.size(), text.data() + text.size(), port);
  }
  return port;
}

}  // namespace

std::string program_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

AdapterProcess::AdapterProcess(const WorkFolder& folder)
    : folder_(folder), token_(random_token()) {}

Result<void> AdapterProcess::write_secrets() {
  const auto pair = self_signed({"localhost", "127.0.0.1"}, system_now().wall);
  if (!pair) return fail(pair.error());
  if (auto written = folder_.write("adapter.crt", pair->certificate_pem); !written) return written;
  if (auto written = folder_.write("adapter.key", pair->key_pem); !written) return written;
  return folder_.write("token", token_ + "\n");
}

Result<void> AdapterProcess::start(const std::string& pods_file,
                                   const std::vector<std::string>& arguments) {
  if (auto written = write_secrets(); !written) return written;
  std::vector<std::string> all = {"--pods-file",           pods_file,
                                  "--token-file",          folder_.file("token"),
                                  "--tls-cert-file",       certificate_file(),
                                  "--tls-key-file",        folder_.file("adapter.key"),
                                  "--listen-address",      "127.0.0.1",
                                  "--api-listen-port",     "0",
                                  "--metrics-listen-port", "0"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::filesystem::remove(log_file());
  auto child = ChildProcess::start({.program = program_folder() + "/leadline-adapter",
                                    .arguments = std::move(all),
                                    .environment = {},
                                    .log_file = log_file()});
  if (!child) return fail(child.error().with_context("starting the adapter"));
  child_ = std::move(*child);
  const auto deadline = system_now().steady + std::chrono::seconds{60};
  const auto listening = child_.wait_for("listening", system_now, deadline);
  if (!listening) return fail(listening.error());
  port_ = port_after("api=127.0.0.1:", *listening);
  metrics_port_ = port_after("metrics=127.0.0.1:", *listening);
  api_ = std::make_unique<ApiClient>(
      ApiClient::Endpoint{.port = port_, .certificate_file = certificate_file(), .token = token_});
  return {};
}

}  // namespace leadline
