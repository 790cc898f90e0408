#include "adapter/adapter.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/adapter/fake_sidecar.h"
#include "tests/unit/daemon/raw_socket.h"
#include "tests/unit/daemon/tls_client.h"

namespace leadline {
namespace {

using test::FakeSidecar;
using test::pod_of;

std::string request_for(const std::string& path, const std::string& token = "sesame") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", path,
                     token);
}

// The whole adapter over real sockets, against fake sidecars and a pods file.
class AdapterTest : public testing::Test {
 protected:
  AdapterTest() {
    std::string name = std::filesystem::temp_directory_path() / "adapter-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    sidecar_.say({.queue_depth = 3});
    write_pods();
    config_.pods_file = folder_ / "pods.yaml";
    config_.listen_address = "127.0.0.1";
    config_.api_port = 0;
    config_.metrics_port = 0;
    config_.token = "sesame";
    config_.shutdown_delay = std::chrono::milliseconds{200};
    config_.drain_grace = std::chrono::milliseconds{200};
  }

 public:
  ~AdapterTest() override {
    main_loop_.stop();
    if (thread_.joinable()) thread_.join();
    adapter_.reset();
    std::filesystem::remove_all(folder_);
  }

 protected:
  void write_pods() const {
    const Pod& pod = sidecar_.dialled();
    std::ofstream(folder_ / "new")
        << fmt::format("pods: [{{namespace: ns, name: {}, uid: {}, ip: {}, port: {}}}]", pod.name,
                       pod.uid, pod.ip, pod.port);
    std::filesystem::rename(folder_ / "new", folder_ / "pods.yaml");
  }

  void start() {
    auto made = Adapter::start(config_, main_loop_);
    ASSERT_TRUE(made) << made.error().message;
    adapter_ = std::move(*made);
    thread_ = std::thread([this] { main_loop_.run(); });
  }

  [[nodiscard]] std::string ask(const std::string& path, const std::string& token = "sesame") {
    test::TlsClient client(adapter_->api_port(), {.trusted_pem = adapter_->certificate()});
    client.send(request_for(path, token));
    return client.read_answer();
  }

  [[nodiscard]] std::string ask_plainly(const std::string& path) {
    auto socket = test::RawSocket::connect(adapter_->metrics_port());
    socket.send(request_for(path));
    return socket.read_answer();
  }

  // Asks again, for ten seconds at most, until the answer holds `want`.
  [[nodiscard]] bool eventually(const std::string& path, std::string_view want) {
    return test::eventually(waiting_,
                            [&] { return ask_plainly(path).find(want) != std::string::npos; });
  }

  std::filesystem::path folder_;
  FakeSidecar sidecar_{pod_of("a")};
  AdapterConfig config_;
  EventLoop main_loop_;
  std::unique_ptr<Adapter> adapter_;
  std::thread thread_;
  test::LoopThread waiting_;
};

TEST_F(AdapterTest, ServesWhatASidecarSaysOverTls) {
  start();
  ASSERT_TRUE(eventually("/readyz", "200 OK"));
  const std::string answer = ask("/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/queue_depth");
  EXPECT_EQ(test::status_of(answer), 200) << answer;
  EXPECT_NE(answer.find("\"value\":\"3\""), std::string::npos) << answer;
  EXPECT_EQ(test::status_of(ask("/apis", "wrong")), 401);
  EXPECT_NE(ask_plainly("/metrics").find("leadline_adapter_pods{state=\"fresh\"} 1"),
            std::string::npos);
  EXPECT_EQ(test::status_of(ask_plainly("/apis")), 404);
}

TEST_F(AdapterTest, IsAliveWhileEachOfItsLoopsTurns) {
  start();
  const std::string answer = ask_plainly("/livez?verbose");
  for (const char* loop : {"collecting-loop", "serving-loop", "handshaking-loop"})
    EXPECT_NE(answer.find(fmt::format("[+]{} ok", loop)), std::string::npos) << answer;
}

TEST_F(AdapterTest, TellsWhatItsServersCountAndWhenItsCertificateEnds) {
  start();
  ASSERT_TRUE(eventually("/readyz", "200 OK"));
  EXPECT_EQ(test::status_of(ask("/version")), 200);
  const std::string page = ask_plainly("/metrics");
  const auto value_of = [&](const std::string& series) {
    const auto at = page.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
  };
  EXPECT_EQ(value_of("leadline_adapter_http_requests_total{server=\"api\"}"), 1) << page;
  EXPECT_GE(value_of("leadline_adapter_http_requests_total{server=\"metrics\"}"), 2);
  EXPECT_EQ(value_of("leadline_adapter_http_handshake_errors_total{server=\"api\"}"), 0);
  const double year = 365.0 * 24 * 3600;
  const double now = std::chrono::duration<double>(system_now().wall.time_since_epoch()).count();
  EXPECT_NEAR(value_of("leadline_adapter_certificate_expiry_timestamp_seconds"), now + year, 7200);
}

TEST_F(AdapterTest, AChangeInTheSidecarIsServed) {
  start();
  ASSERT_TRUE(eventually("/readyz", "200 OK"));
  sidecar_.say({.queue_depth = 8});
  EXPECT_TRUE(test::eventually(waiting_, [&] {
    return ask("/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/a/queue_depth")
               .find("\"value\":\"8\"") != std::string::npos;
  }));
}

TEST_F(AdapterTest, StoppingAnswersUntilTheDelayIsOver) {
  config_.shutdown_delay = std::chrono::seconds{3};
  start();
  ASSERT_TRUE(eventually("/readyz", "200 OK"));
  std::promise<void> stopped;
  main_loop_.post([&] { adapter_->stop([&] { stopped.set_value(); }); });
  EXPECT_TRUE(eventually("/readyz", "[-]not-stopping failed"));
  EXPECT_EQ(test::status_of(ask("/version")), 200);
  auto done = stopped.get_future();
  test::await(done);
  EXPECT_ANY_THROW(static_cast<void>(ask("/version")));
}

TEST_F(AdapterTest, WhatCannotStartSaysWhy) {
  const auto f = [this](const auto& spoil, Errc code, std::string_view want) {
    AdapterConfig config = config_;
    spoil(config);
    const auto made = Adapter::start(config, main_loop_);
    ASSERT_FALSE(made) << want;
    EXPECT_EQ(made.error().code, code) << made.error().message;
    EXPECT_NE(made.error().message.find(want), std::string::npos) << made.error().message;
  };
  f([](AdapterConfig& config) { config.pods_file = "/nowhere"; }, Errc::kNotFound, "/nowhere");
  f([](AdapterConfig& config) { config.tls_certificate_file = config.tls_key_file = "/no.pem"; },
    Errc::kBadConfig, "/no.pem");
  f([](AdapterConfig& config) { config.listen_address = "nowhere"; }, Errc::kBadConfig, "nowhere");
}

}  // namespace
}  // namespace leadline
