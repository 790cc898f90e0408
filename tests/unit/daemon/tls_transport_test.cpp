#include "daemon/tls_transport.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <openssl/ssl.h>

#include "daemon/tls_key_pair.h"
#include "tests/unit/daemon/server_fixture.h"
#include "tests/unit/daemon/tls_client.h"

namespace leadline::test {

namespace {

class TlsTransportTest : public ServerFixture {
 protected:
  void start_tls(HttpLimits limits = {}) {
    auto transport = self_signed_tls_transport({"localhost", "127.0.0.1"}, handshakes());
    ASSERT_TRUE(transport) << transport.error().message;
    options_.trusted_pem = certificate_pem(**transport);
    start(limits, *transport);
  }

  virtual EventLoop* handshakes() { return nullptr; }

  TlsClient client() { return {server_->port(), options_}; }

  TlsClientOptions options_;
};

class TlsHandshakeThreadTest : public TlsTransportTest {
 protected:
  // Until it is destroyed no handshake goes on.
  class Pause {
   public:
    explicit Pause(EventLoop& loop) {
      loop.post([over = over_.get_future().share()] { over.wait(); });
    }
    ~Pause() { over_.set_value(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    std::promise<void> over_;
  };

  EventLoop* handshakes() override { return &handshaking_.loop(); }

  // Steps that are there go back to the server's loop, which ends what is left of them.
  void TearDown() override {
    TlsTransportTest::TearDown();
    handshaking_.call([] {});
    thread_.call([] {});
  }

  LoopThread handshaking_;
};

TEST_F(TlsTransportTest, ServesOverTlsWithKeepAlive) {
  start_tls();
  TlsClient tls = client();
  EXPECT_EQ(tls.version(), "TLSv1.3");
  for (int i = 0; i < 50; ++i) {
    tls.send(kHello);
    ASSERT_EQ(body_of(tls.read_answer()), "hello");
  }
}

TEST_F(TlsTransportTest, SendsBodiesOfManyRecords) {
  start_tls({.body_bytes = 4'000'000});
  TlsClient tls = client();
  const std::string body(3'000'000, 'x');
  tls.send(
      fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.size()));
  tls.send(body);
  EXPECT_EQ(body_of(tls.read_answer()), body);
}

TEST_F(TlsTransportTest, SaysGoodbyeBeforeItCloses) {
  start_tls();
  TlsClient tls = client();
  tls.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(tls.read_answer()), 200);
  EXPECT_TRUE(tls.wait_for_close());
}

TEST_F(TlsTransportTest, RefusesTls11AndNegotiatesNoAlpn) {
  start_tls();
  options_.max_version = TLS1_2_VERSION;
  EXPECT_EQ(client().version(), "TLSv1.2");
  options_.max_version = TLS1_1_VERSION;
  EXPECT_THROW(client(), std::runtime_error);
  EXPECT_TRUE(eventually([this] { return server_->stats().handshake_errors > 0; }));
  options_.max_version = 0;
  options_.alpn = std::string("\x02h2\x08http/1.1");
  TlsClient tls = client();
  EXPECT_FALSE(tls.alpn_chosen());
  tls.send(kHello);
  EXPECT_EQ(status_of(tls.read_answer()), 200);
}

TEST_F(TlsTransportTest, AClientThatTrustsAnotherCertificateRefuses) {
  start_tls();
  options_.trusted_pem = certificate_pem(**self_signed_tls_transport({"localhost"}));
  EXPECT_THROW(client(), std::runtime_error);
}

TEST_F(TlsTransportTest, AHandshakeHasADeadline) {
  start_tls({.header_timeout = std::chrono::milliseconds(50)});
  RawSocket silent = connect();
  EXPECT_TRUE(silent.wait_for_close());
  EXPECT_TRUE(eventually([this] { return server_->stats().handshake_errors == 1; }));
}

TEST_F(TlsTransportTest, ASlowHeaderIsAnswered408) {
  start_tls({.header_timeout = std::chrono::milliseconds(400)});
  TlsClient tls = client();
  tls.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(status_of(tls.read_answer()), 408);
}

TEST_F(TlsTransportTest, PlainHttpOnATlsPortDisturbsNobody) {
  start_tls();
  RawSocket plain = connect();
  plain.send(kHello);
  plain.read_to_end();
  EXPECT_TRUE(plain.ended());
  TlsClient tls = client();
  tls.send(kHello);
  EXPECT_EQ(status_of(tls.read_answer()), 200);
}

TEST_F(TlsTransportTest, NoticesAClientThatLeavesWhileParked) {
  start_tls({.write_timeout = std::chrono::milliseconds(200)});
  {
    TlsClient tls = client();
    tls.send(kPark);
    ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
  }
  EXPECT_TRUE(eventually([this] { return server_->stats().abandoned == 1; }));
}

TEST_F(TlsTransportTest, ReadsCertificateAndKeyFromFiles) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "leadline_tls_files";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  const auto pair = self_signed({"localhost"}, system_now().wall);
  const auto other = self_signed({"localhost"}, system_now().wall);
  const std::string certificate = write("tls.crt", pair->certificate_pem);
  const auto transport = tls_transport({certificate, write("tls.key", pair->key_pem)});
  ASSERT_TRUE(transport) << transport.error().message;
  options_.trusted_pem = certificate_pem(**transport);
  EXPECT_EQ(options_.trusted_pem, pair->certificate_pem);
  start({}, *transport);
  TlsClient tls = client();
  tls.send(kHello);
  EXPECT_EQ(status_of(tls.read_answer()), 200);

  const auto refused = [&](const TlsFiles& files, std::string_view want) {
    const auto none = tls_transport(files);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::kBadConfig);
    EXPECT_EQ(none.error().message.substr(0, want.size()), want);
  };
  refused({"/none.crt", "/none.key"}, "certificate /none.crt: ");
  refused({certificate, "/none.key"}, "key /none.key: ");
  refused({certificate, write("other.key", other->key_pem)}, "key " + folder.string());
  refused({write("junk.crt", "junk"), certificate}, "certificate " + folder.string());
  std::filesystem::remove_all(folder);
}

// --- Handshakes in a thread of their own.

TEST_F(TlsHandshakeThreadTest, ServesOverBothVersions) {
  start_tls();
  for (const int version : {TLS1_2_VERSION, 0}) {
    options_.max_version = version;
    TlsClient tls = client();
    tls.send(kHello);
    EXPECT_EQ(body_of(tls.read_answer()), "hello");
  }
}

TEST_F(TlsHandshakeThreadTest, WhoIsServedWaitsForNoHandshake) {
  start_tls();
  TlsClient served = client();
  served.send(kHello);  // TLS 1.3: the client is ready before the server has taken its last step
  ASSERT_EQ(body_of(served.read_answer()), "hello");
  std::future<std::string> newcomer;
  {
    const Pause pause(handshaking_.loop());
    newcomer = std::async(std::launch::async, [this] {
      TlsClient tls = client();
      tls.send(kHello);
      return body_of(tls.read_answer());
    });
    ASSERT_TRUE(eventually([this] { return server_->stats().accepted == 2; }));
    served.send(kHello);
    EXPECT_EQ(body_of(served.read_answer()), "hello");
    EXPECT_NE(newcomer.wait_for(std::chrono::seconds{0}), std::future_status::ready);
  }
  EXPECT_EQ(newcomer.get(), "hello");
}

TEST_F(TlsHandshakeThreadTest, ADeadlineClosesWhoWaitsForIt) {
  start_tls({.header_timeout = std::chrono::milliseconds(50)});
  {
    const Pause pause(handshaking_.loop());
    EXPECT_THROW(client(), std::runtime_error);
  }
  EXPECT_TRUE(eventually([this] { return server_->stats().handshake_errors == 1; }));
}

// The server's last step has nothing to send, so no write tells it that the socket is closed.
TEST_F(TlsHandshakeThreadTest, ADeadlineInTheLastStepIsAFailedHandshake) {
  start_tls({.header_timeout = std::chrono::milliseconds(1000)});
  std::optional<Pause> pause;
  options_.believes = [&] { pause.emplace(handshaking_.loop()); };
  TlsClient tls = client();
  EXPECT_EQ(tls.read_answer(), "");
  pause.reset();
  EXPECT_TRUE(eventually([this] { return server_->stats().handshake_errors == 1; }));
}

TEST_F(TlsHandshakeThreadTest, AServerMayGoWhileAHandshakeIsThere) {
  start_tls();
  {
    const Pause pause(handshaking_.loop());
    RawSocket hasty = connect();
    hasty.send("\x16\x03\x01");
    ASSERT_TRUE(eventually([this] { return server_->stats().open_connections == 1; }));
    int turns = 0;  // of the server's loop: what was sent has become a step by the third
    ASSERT_TRUE(eventually([&] { return ++turns == 3; }));
    thread_.call([this] { server_.reset(); });
    EXPECT_TRUE(hasty.wait_for_close());
  }
}

// --- Certificates of clients, and a certificate that is replaced.

TEST_F(TlsTransportTest, WhatAClientShowsReachesTheHandler) {
  start_tls();
  TlsClient tls = client();
  tls.send(kHello);
  tls.read_answer();
  EXPECT_EQ(last_.client_certificates, nullptr);

  const KeyPair first = *self_signed({"first"}, system_now().wall);
  const KeyPair chain = *self_signed({"chain"}, system_now().wall);
  options_.own = {first.certificate_pem + chain.certificate_pem, first.key_pem};
  for (const int version : {TLS1_2_VERSION, 0}) {
    options_.max_version = version;
    TlsClient shows = client();
    shows.send(kHello);
    ASSERT_EQ(status_of(shows.read_answer()), 200) << "nobody verifies it here";
    const auto shown = last_.client_certificates;
    ASSERT_NE(shown, nullptr);
    ASSERT_EQ(shown->der.size(), 2U);
    EXPECT_NE(shown->der[0].find("first"), std::string::npos);
    EXPECT_NE(shown->der[1].find("chain"), std::string::npos);
    shows.send(kHello);
    shows.read_answer();
    EXPECT_EQ(last_.client_certificates, shown) << "the same for the whole connection";
  }
}

TEST_F(TlsTransportTest, AReplacedCertificateIsShownFromTheNextHandshakeOn) {
  const KeyPair first = *self_signed({"localhost"}, system_now().wall);
  const KeyPair second = *self_signed({"localhost"}, system_now().wall);
  auto transport = self_signed_tls_transport({"localhost"});
  ASSERT_TRUE(replace_certificate(**transport, first));
  start({}, *transport);
  options_.trusted_pem = first.certificate_pem;
  TlsClient open = client();
  const auto refused =
      replace_certificate(**transport, KeyPair{second.certificate_pem, first.key_pem});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBadConfig);
  EXPECT_FALSE(replace_certificate(**transport, KeyPair{}));
  EXPECT_FALSE(replace_certificate(**transport, TlsFiles{"/none.crt", "/none.key"}));
  EXPECT_EQ(certificate_pem(**transport), first.certificate_pem);
  client().send(kHello);

  ASSERT_TRUE(replace_certificate(**transport, second));
  EXPECT_EQ(certificate_pem(**transport), second.certificate_pem);
  EXPECT_THROW(client(), std::runtime_error);
  options_.trusted_pem = second.certificate_pem;
  TlsClient next = client();
  next.send(kHello);
  EXPECT_EQ(status_of(next.read_answer()), 200);
  open.send(kHello);
  EXPECT_EQ(status_of(open.read_answer()), 200) << "what is open stays";
}

TEST_F(TlsTransportTest, ReplacingWhileClientsComeDisturbsNobody) {
  const KeyPair pair = *self_signed({"localhost"}, system_now().wall);
  auto transport = self_signed_tls_transport({"localhost"});
  ASSERT_TRUE(replace_certificate(**transport, pair));
  start({}, *transport);
  options_.trusted_pem = pair.certificate_pem;
  std::atomic<bool> over = false;
  std::thread replacing([&] {
    while (!over) static_cast<void>(replace_certificate(**transport, pair));
  });
  for (int i = 0; i < 20; ++i) {
    TlsClient tls = client();
    tls.send(kHello);
    EXPECT_EQ(status_of(tls.read_answer()), 200);
  }
  over = true;
  replacing.join();
}

}  // namespace

}  // namespace leadline::test
