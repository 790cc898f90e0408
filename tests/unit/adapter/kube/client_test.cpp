#include "adapter/kube/client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/unit/adapter/kube/certificates.h"
#include "tests/unit/adapter/kube/stub_kube.h"
#include "tests/unit/adapter/kube/waiting.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using test::StubKube;
using test::StubReply;
using test::StubRequest;
using Texts = std::vector<std::string>;

class KubeClientTest : public testing::Test, protected test::Waiting {
 protected:
  void start(KubeEndpoint endpoint) {
    auto made = KubeClient::start(endpoint);
    ASSERT_TRUE(made) << made.error().message;
    client_ = std::move(*made);
  }
  void start() { start(KubeEndpoint{.server = stub_.url()}); }

  Result<KubeAnswer> ask(KubeRequest request) {
    std::promise<Result<KubeAnswer>> promise;
    auto future = promise.get_future();
    client_->ask(std::move(request),
                 [&](Result<KubeAnswer> answer) { promise.set_value(std::move(answer)); });
    return test::await(future);
  }
  Result<KubeAnswer> get(const std::string& path) {
    KubeRequest request;
    request.path = path;
    return ask(std::move(request));
  }
  std::string why(const std::string& path) {
    const auto answer = get(path);
    return answer ? "HTTP " + std::to_string(answer->status) : answer.error().message;
  }
  void answer_with(StubReply reply) {
    stub_.set_script([reply](const StubRequest&) { return reply; });
  }

  StubKube stub_;
  std::unique_ptr<KubeClient> client_;
};

TEST_F(KubeClientTest, AsksAndIsAnswered) {
  start();
  answer_with({.status = 201, .body = "made", .headers = {}});
  const auto answer = ask({.method = "POST",
                           .path = "/api/v1/things?dryRun=All",
                           .body = R"({"a":1})",
                           .content_type = {}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "made");
  const StubRequest seen = stub_.requests().back();
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/api/v1/things");
  EXPECT_EQ(seen.query.at("dryRun"), "All");
  EXPECT_EQ(seen.body, R"({"a":1})");
  EXPECT_EQ(seen.header("Content-Type"), "application/json");
  EXPECT_EQ(seen.header("Accept"), "application/json");
  EXPECT_EQ(seen.header("User-Agent").substr(0, 17), "leadline-adapter/");
  EXPECT_EQ(seen.header("Authorization"), "");
  ASSERT_TRUE(ask({.method = "PATCH",
                   .path = "/x",
                   .body = "{}",
                   .content_type = "application/merge-patch+json"}));
  EXPECT_EQ(stub_.requests().back().header("Content-Type"), "application/merge-patch+json");
}

TEST_F(KubeClientTest, AnErrorStatusIsAnAnswerAndNoRedirectIsFollowed) {
  start();
  for (const int status : {302, 400, 403, 404, 410, 429, 500, 503}) {
    answer_with({.status = status, .body = "why", .headers = {{"Location", "/elsewhere"}}});
    const auto answer = get("/x");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->body, "why");
  }
  EXPECT_EQ(stub_.count("GET", "/elsewhere"), 0U);
}

TEST_F(KubeClientTest, ReadsRetryAfterInSeconds) {
  start();
  const auto f = [&](const char* name, const char* value, int want) {
    answer_with({.status = 429, .body = "", .headers = {{name, value}}});
    EXPECT_EQ(get("/x")->retry_after.count(), want) << value;
  };
  f("Retry-After", "7", 7);
  f("RETRY-AFTER", "7", 7);
  f("Retry-After", "-5", 0);
  f("Retry-After", "999999", 3600);
  f("Retry-After", "99999999999999999999", 0);
  f("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT", 0);
  f("Retry-After", "", 0);
  f("X-Retry-After", "7", 0);
}

TEST_F(KubeClientTest, AnAnswerOverItsBoundIsAFailure) {
  start();
  answer_with({.status = 200, .body = std::string(100'000, 'x'), .headers = {}});
  KubeRequest request;
  request.path = "/big?x=1";
  request.max_bytes = 100'000;
  EXPECT_TRUE(ask(request));
  request.max_bytes = 99'999;
  const auto answer = ask(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
  EXPECT_EQ(answer.error().message, "GET /big: answer is over 99999 bytes");
}

TEST_F(KubeClientTest, ARequestEndsAtItsTimeout) {
  start();
  stub_.hang("/late");
  KubeRequest request;
  request.path = "/late";
  request.timeout = milliseconds{100};
  const auto answer = ask(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
  EXPECT_EQ(answer.error().message, "GET /late: Timeout was reached");
  EXPECT_EQ(why("/other"), "HTTP 404") << "the others are not held up";
}

TEST_F(KubeClientTest, WhoDoesNotListenIsUnavailable) {
  test::RawListener nobody;
  const auto port = nobody.port();
  nobody.close();
  start({.server = "http://127.0.0.1:" + std::to_string(port)});
  const auto answer = get("/x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
}

TEST_F(KubeClientTest, GarbageIsNoAnswer) {
  test::RawListener peer;
  std::thread thread([&] {
    for (const char* bytes :
         {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}) {
      test::RawSocket socket = peer.accept();
      socket.read_until("\r\n\r\n");
      socket.send(bytes);
    }
  });
  start({.server = "http://127.0.0.1:" + std::to_string(peer.port())});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(get("/x"));
  thread.join();
}

TEST_F(KubeClientTest, ShowsItsTokenAndReadsTheFileAgainWhenItIsRefused) {
  std::string folder = std::filesystem::temp_directory_path() / "kube-client-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/token";
  std::ofstream(file) << "first\n";
  start({.server = stub_.url(), .token_file = file});
  stub_.set_script([](const StubRequest& request) {
    const bool known = request.header("Authorization") != "Bearer old";
    return StubReply{.status = known ? 200 : 401, .body = "", .headers = {}};
  });
  EXPECT_EQ(get("/x")->status, 200);
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer first");
  std::ofstream(file) << "second";
  EXPECT_EQ(get("/x")->status, 200);
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer first") << "once a minute";
  answer_with({.status = 401, .body = "", .headers = {}});
  EXPECT_EQ(get("/x")->status, 401);
  EXPECT_EQ(get("/x")->status, 401);
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer second");
  std::filesystem::remove_all(folder);
  EXPECT_EQ(get("/x")->status, 401);
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer second")
      << "the last one that could be read";
}

TEST_F(KubeClientTest, ReadsItsAuthorityAgainWhenTheServerIsNotBelieved) {
  std::string folder = std::filesystem::temp_directory_path() / "kube-client-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/ca.crt";
  const KeyPair server = *self_signed({"127.0.0.1"}, system_now().wall);
  const KeyPair old = *self_signed({"127.0.0.1"}, system_now().wall);
  const StubKube stub(server);
  const auto begin = [&](const KeyPair& known) {
    start({.server = stub.url(), .ca_pem = known.certificate_pem, .ca_file = file});
  };
  begin(server);
  EXPECT_EQ(why("/x"), "HTTP 404") << "a file that is not there changes nothing";
  std::ofstream(file) << "no certificate";
  begin(server);
  EXPECT_EQ(why("/x"), "HTTP 404") << "nor does one that holds no certificate";
  std::ofstream(file) << old.certificate_pem;
  begin(old);
  EXPECT_FALSE(get("/x"));
  std::ofstream(file) << server.certificate_pem;
  EXPECT_EQ(why("/x"), "HTTP 404");
  std::filesystem::remove_all(folder);
}

// A server that refuses us for good is not a reason to read files a thousand times a second.
TEST_F(KubeClientTest, ReadsItsFilesOnceASecondWhileItIsRefused) {
  std::string folder = std::filesystem::temp_directory_path() / "kube-client-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/token";
  std::ofstream(file) << "first";
  start({.server = stub_.url(), .token_file = file});
  answer_with({.status = 401, .body = "", .headers = {}});
  EXPECT_EQ(get("/x")->status, 401);
  EXPECT_EQ(get("/x")->status, 401);  // has read again
  std::ofstream(file) << "second";
  int refusals = 0;
  do {
    ++refusals;
    EXPECT_EQ(get("/x")->status, 401);
  } while (stub_.requests().back().header("Authorization") == "Bearer first" && refusals < 100'000);
  EXPECT_GT(refusals, 3);
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer second");
  std::filesystem::remove_all(folder);
}

TEST_F(KubeClientTest, AFixedTokenIsShown) {
  start({.server = stub_.url(), .token = "fixed"});
  EXPECT_EQ(why("/x"), "HTTP 404");
  EXPECT_EQ(stub_.requests().back().header("Authorization"), "Bearer fixed");
}

// --- Watches.

struct Seen {
  std::mutex mutex;
  Texts lines;
  int opened = 0;
  std::optional<Result<KubeAnswer>> end;

  KubeClient::Stream stream() {
    return {.opened =
                [this] {
                  const std::lock_guard lock(mutex);
                  ++opened;
                },
            .line =
                [this](std::string_view line) {
                  const std::lock_guard lock(mutex);
                  lines.emplace_back(line);
                }};
  }
  KubeClient::Done done() {
    return [this](Result<KubeAnswer> answer) {
      const std::lock_guard lock(mutex);
      end = std::move(answer);
    };
  }
  Texts all() {
    const std::lock_guard lock(mutex);
    return lines;
  }
  bool ended() {
    const std::lock_guard lock(mutex);
    return end.has_value();
  }
};

class KubeClientWatchTest : public KubeClientTest {
 public:
  ~KubeClientWatchTest() override {
    if (client_ != nullptr) client_->stop();
  }

 protected:
  KubeClient::RequestId watch(std::size_t max_bytes = 1024) {
    KubeRequest request;
    request.path = test::kPodsPath + "?watch=true&resourceVersion=100";
    request.max_bytes = max_bytes;
    return client_->watch(std::move(request), seen_.stream(), seen_.done());
  }
  bool is_open() {
    return eventually([this] { return stub_.open_watches(test::kPodsPath) == 1; });
  }

  Seen seen_;
};

TEST_F(KubeClientWatchTest, LinesComeWholeHoweverTheyAreCut) {
  start();
  watch();
  ASSERT_TRUE(is_open());
  for (const char* part : {"on", "e\nt", "wo\n\n\nth", "ree", "\n", "never ends"})
    stub_.emit(test::kPodsPath, part);
  EXPECT_TRUE(eventually([this] { return seen_.all() == Texts{"one", "two", "three"}; }));
  EXPECT_FALSE(seen_.ended());
  stub_.end_watches();
  ASSERT_TRUE(eventually([this] { return seen_.ended(); }));
  ASSERT_TRUE(*seen_.end) << seen_.end->error().message;
  EXPECT_EQ((*seen_.end)->status, 200);
  EXPECT_EQ(seen_.opened, 1);
}

TEST_F(KubeClientWatchTest, ALineOverItsBoundEndsIt) {
  start();
  watch(10);
  ASSERT_TRUE(is_open());
  stub_.emit(test::kPodsPath, "0123456789\n");
  EXPECT_TRUE(eventually([this] { return seen_.all() == Texts{"0123456789"}; }));
  stub_.emit(test::kPodsPath, "0123456789");
  stub_.emit(test::kPodsPath, "x");
  ASSERT_TRUE(eventually([this] { return seen_.ended(); }));
  EXPECT_EQ(seen_.end->error().message, "GET /api/v1/pods: answer is over 10 bytes");
}

TEST_F(KubeClientWatchTest, AWatchThatIsCutOffIsAFailure) {
  start();
  watch();
  ASSERT_TRUE(is_open());
  stub_.cut_watches();
  ASSERT_TRUE(eventually([this] { return seen_.ended(); }));
  EXPECT_FALSE(*seen_.end);
}

TEST_F(KubeClientWatchTest, AnErrorStatusOpensNothingAndHasABody) {
  start();
  answer_with({.status = 410, .body = "gone\nreally\n", .headers = {}});
  watch();
  ASSERT_TRUE(eventually([this] { return seen_.ended(); }));
  EXPECT_EQ((*seen_.end)->status, 410);
  EXPECT_EQ((*seen_.end)->body, "gone\nreally\n");
  EXPECT_EQ(seen_.opened, 0);
  EXPECT_EQ(seen_.all(), Texts{});
}

TEST_F(KubeClientWatchTest, ACancelledWatchTellsNobody) {
  start();
  const auto id = watch();
  ASSERT_TRUE(is_open());
  client_->cancel(id);
  client_->cancel(12345);
  EXPECT_EQ(why("/after"), "HTTP 404");
  stub_.emit(test::kPodsPath, "late\n");
  stub_.end_watches();
  EXPECT_EQ(why("/after"), "HTTP 404");
  EXPECT_EQ(seen_.all(), Texts{});
  EXPECT_FALSE(seen_.ended());
}

// --- Timers, bounds and the end.

TEST_F(KubeClientTest, TimersRunInTheirOrderOnItsThread) {
  start();
  std::promise<void> last;
  auto future = last.get_future();
  Texts order;
  client_->call_after(milliseconds{60}, [&] {
    order.emplace_back("late");
    last.set_value();
  });
  const auto never = client_->call_after(milliseconds{30}, [&] { order.emplace_back("never"); });
  client_->call_after(milliseconds{0}, [&] {
    order.emplace_back("first");
    client_->call_after(milliseconds{0}, [&] { order.emplace_back("second"); });
  });
  client_->cancel(never);
  test::await(future);
  EXPECT_EQ(order, (Texts{"first", "second", "late"}));
}

TEST_F(KubeClientTest, OneMoreThanItsBoundIsRefusedAtOnce) {
  test::RawListener silent;
  start({.server = "http://127.0.0.1:" + std::to_string(silent.port())});
  std::atomic<int> ended = 0;
  KubeRequest request;
  request.path = "/x";
  request.timeout = hours{1};
  for (std::size_t i = 0; i < KubeClient::kMaxRequests; ++i)
    client_->ask(request, [&](const Result<KubeAnswer>&) { ++ended; });
  EXPECT_EQ(why("/one-more"), "more than 512 requests at once");
  EXPECT_EQ(ended, 0);
  client_->stop();
}

TEST_F(KubeClientTest, NobodyIsCalledOnceItHasStopped) {
  start();
  stub_.hang("/late");
  std::atomic<int> calls = 0;
  for (int i = 0; i < 20; ++i) {
    KubeRequest request;
    request.path = "/late";
    client_->ask(request, [&](const Result<KubeAnswer>&) { ++calls; });
    client_->call_after(hours{1}, [&] { ++calls; });
  }
  ASSERT_TRUE(eventually([this] { return stub_.count("GET", "/late") == 20; }));
  client_->stop();
  EXPECT_EQ(calls, 0);
  client_->ask({}, [&](const Result<KubeAnswer>&) { ++calls; });
  client_->call_after(milliseconds{0}, [&] { ++calls; });
  client_->cancel(1);
  client_.reset();
  EXPECT_EQ(calls, 0);
}

TEST_F(KubeClientTest, ManyThreadsMayAskAtOnce) {
  start();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) good += get("/x") ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
}

// --- TLS.

class KubeClientTlsTest : public testing::Test, protected test::Waiting {
 protected:
  KubeClientTlsTest() {
    const WallTime now = system_now().wall;
    authority_ = *make_authority("kube-ca", now, hours{24});
    server_ = *issue_certificate(authority_, {"kube.example", "127.0.0.1"}, now, hours{24});
    stub_.emplace(server_);
  }

  std::string ask(const KubeEndpoint& endpoint) {
    const auto client = KubeClient::start(endpoint);
    if (!client) return "no client: " + client.error().message;
    std::promise<std::string> promise;
    auto future = promise.get_future();
    KubeRequest request;
    request.path = "/x";
    (*client)->ask(request, [&](const Result<KubeAnswer>& answer) {
      promise.set_value(answer ? std::to_string(answer->status) : answer.error().message);
    });
    std::string got = test::await(future);
    (*client)->stop();
    return got;
  }

  KubeEndpoint endpoint() { return {.server = stub_->url(), .ca_pem = authority_.certificate_pem}; }

  KeyPair authority_, server_;
  std::optional<StubKube> stub_;
};

TEST_F(KubeClientTlsTest, BelievesItsAuthorityAndNoOther) {
  EXPECT_EQ(ask(endpoint()), "404");
  KubeEndpoint other = endpoint();
  other.ca_pem = make_authority("kube-ca", system_now().wall, hours{24})->certificate_pem;
  EXPECT_NE(ask(other), "404");
  other.verify = false;
  EXPECT_EQ(ask(other), "404");
  other = endpoint();
  other.ca_pem += make_authority("next", system_now().wall, hours{24})->certificate_pem;
  EXPECT_EQ(ask(other), "404") << "a bundle of two";
}

TEST_F(KubeClientTlsTest, AsksForTheNameThatItIsTold) {
  KubeEndpoint named = endpoint();
  named.tls_server_name = "kube.example";
  EXPECT_EQ(ask(named), "404");
  named.tls_server_name = "other.example";
  EXPECT_NE(ask(named), "404");
  named = endpoint();
  named.server = "https://localhost:" + std::to_string(stub_->port());
  EXPECT_NE(ask(named), "404") << "localhost is not in the certificate";
  named.tls_server_name = "kube.example";
  EXPECT_EQ(ask(named), "404");
  named.server += "/k8s/clusters/c-1";
  EXPECT_EQ(ask(named), "404") << "a server behind a path";
  EXPECT_EQ(stub_->count("GET", "/k8s/clusters/c-1/x"), 1U);
}

TEST_F(KubeClientTlsTest, ShowsItsCertificate) {
  const KeyPair root = test::root_authority("clients");
  const KeyPair own = test::make_certificate(&root, {.common_names = {"leadline"}});
  KubeEndpoint known = endpoint();
  known.certificate_pem = own.certificate_pem;
  known.key_pem = own.key_pem;
  EXPECT_EQ(ask(known), "404");
  EXPECT_EQ(stub_->requests().back().client_name, "leadline");
}

TEST_F(KubeClientTlsTest, WhatCannotBeUsedIsRefusedAtTheStart) {
  const auto f = [this](KubeEndpoint bad, std::string_view want) {
    EXPECT_EQ(ask(bad), fmt::format("no client: {}", want));
    const auto client = KubeClient::start(bad);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, Errc::kBadConfig);
  };
  KubeEndpoint bad = endpoint();
  bad.ca_pem = "junk";
  f(bad, "Kubernetes API: the CA bundle holds no certificate");
  bad = endpoint();
  bad.certificate_pem = server_.certificate_pem;
  bad.key_pem = authority_.key_pem;
  f(bad, "Kubernetes API: the client's key does not belong to its certificate");
  bad.certificate_pem = "junk";
  f(bad, "Kubernetes API: the client's key does not belong to its certificate");
}

}  // namespace
}  // namespace leadline
