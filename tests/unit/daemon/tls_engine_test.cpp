#include "daemon/tls_engine.h"

#include <random>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "daemon/tls_key_pair.h"

namespace leadline {
namespace {

using Step = TlsEngine::Step;

// A client of OpenSSL's own, in memory too.
class Client {
 public:
  Client() {
    SSL_CTX_set_mode(context_, SSL_MODE_AUTO_RETRY);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, from_peer_, to_peer_);
    SSL_set_connect_state(ssl_);
  }
  ~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool shake() { return SSL_do_handshake(ssl_) == 1; }
  void write(std::string_view text) {
    if (!text.empty()) SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
  }
  void close() { SSL_shutdown(ssl_); }
  std::string read() {
    std::string got;
    std::array<char, 65536> buffer;
    for (int size = 0; (size = SSL_read(ssl_, buffer.data(), buffer.size())) > 0;)
      got.append(buffer.data(), static_cast<std::size_t>(size));
    return got;
  }
  bool was_told_goodbye() { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

  // Takes what is to be sent, and gives what came.
  std::string take() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(to_peer_, &data);
    std::string bytes(data, static_cast<std::size_t>(size));
    static_cast<void>(BIO_reset(to_peer_));
    return bytes;
  }
  void give(const std::string& bytes) {
    BIO_write(from_peer_, bytes.data(), static_cast<int>(bytes.size()));
  }

 private:
  SSL_CTX* context_ = SSL_CTX_new(TLS_client_method());
  BIO* from_peer_ = BIO_new(BIO_s_mem());
  BIO* to_peer_ = BIO_new(BIO_s_mem());
  SSL* ssl_ = nullptr;
};

SSL_CTX* server_context() {
  const KeyPair pair = *self_signed({"localhost"}, system_now().wall);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  BIO* certificate = BIO_new_mem_buf(pair.certificate_pem.data(), -1);
  BIO* key = BIO_new_mem_buf(pair.key_pem.data(), -1);
  X509* own = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
  EVP_PKEY* own_key = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context, own);
  SSL_CTX_use_PrivateKey(context, own_key);
  X509_free(own);
  EVP_PKEY_free(own_key);
  BIO_free(certificate);
  BIO_free(key);
  return context;
}

class TlsEngineTest : public testing::Test {
 public:
  ~TlsEngineTest() override { SSL_CTX_free(context_); }

 protected:
  void to_client() {
    client_.give(engine_.output());
    engine_.output().clear();
  }
  void to_engine() { engine_.input() += client_.take(); }

  void shake_hands() {
    Step step = Step::kWantsInput;
    for (int i = 0; i < 10 && step != Step::kDone; ++i) {
      client_.shake();
      to_engine();
      step = engine_.handshake();
      to_client();
    }
    ASSERT_EQ(step, Step::kDone);
    ASSERT_TRUE(client_.shake());
  }

  // All that can be read now, and how it ended.
  std::pair<std::string, Step> read_all(std::size_t at_once = 65536) {
    std::string got;
    std::vector<char> buffer(at_once);
    for (;;) {
      const auto [step, size] = engine_.read(buffer.data(), buffer.size());
      if (step != Step::kDone) return {got, step};
      EXPECT_GT(size, 0U);
      got.append(buffer.data(), size);
    }
  }

  SSL_CTX* context_ = server_context();
  TlsEngine engine_{context_};
  Client client_;
};

TEST_F(TlsEngineTest, ShakesHandsAndTalksBothWays) {
  EXPECT_EQ(engine_.handshake(), Step::kWantsInput) << "nothing came yet";
  shake_hands();
  EXPECT_EQ(engine_.client_certificates(), nullptr);
  client_.write("hello");
  to_engine();
  EXPECT_EQ(read_all(), (std::pair{std::string("hello"), Step::kWantsInput}));
  EXPECT_EQ(engine_.write("welcome"), Step::kDone);
  EXPECT_EQ(engine_.write(""), Step::kDone);
  to_client();
  EXPECT_EQ(client_.read(), "welcome");
}

TEST_F(TlsEngineTest, BytesMayComeOneByOne) {
  client_.shake();
  std::string bytes = client_.take();
  for (const char byte : bytes) {
    EXPECT_EQ(engine_.handshake(), Step::kWantsInput);
    engine_.input() += byte;
  }
  engine_.handshake();
  to_client();
  shake_hands();
  client_.write("hello");
  bytes = client_.take();
  std::string got;
  for (const char byte : bytes) {
    engine_.input() += byte;
    const auto [text, step] = read_all(2);
    EXPECT_EQ(step, Step::kWantsInput);
    got += text;
  }
  EXPECT_EQ(got, "hello");
}

TEST_F(TlsEngineTest, ABodyOfManyRecordsComesOutAtOnce) {
  shake_hands();
  const std::string body(1'000'000, 'x');
  EXPECT_EQ(engine_.write(body), Step::kDone);
  EXPECT_GT(engine_.output().size(), body.size());
  to_client();
  EXPECT_EQ(client_.read(), body);
  client_.write(body);
  to_engine();
  EXPECT_EQ(read_all(1'000).first, body);
  EXPECT_TRUE(engine_.input().empty()) << "what was read is not kept";
}

TEST_F(TlsEngineTest, AGoodbyeIsNoFailure) {
  shake_hands();
  client_.write("last");
  client_.close();
  to_engine();
  EXPECT_EQ(read_all(), (std::pair{std::string("last"), Step::kClosed}));
  engine_.close();
  to_client();
  client_.read();
  EXPECT_TRUE(client_.was_told_goodbye());
}

TEST_F(TlsEngineTest, GarbageFailsAndStaysFailed) {
  engine_.input() = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(engine_.handshake(), Step::kFailed);
  EXPECT_EQ(engine_.handshake(), Step::kFailed);
}

TEST_F(TlsEngineTest, ATamperedRecordFails) {
  shake_hands();
  client_.write("hello");
  std::string bytes = client_.take();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  engine_.input() += bytes;
  EXPECT_EQ(read_all(), (std::pair{std::string(), Step::kFailed}));
}

TEST_F(TlsEngineTest, RandomBytesNeverBreakIt) {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    TlsEngine engine(context_);
    Client client;
    client.shake();
    std::string hello = client.take();
    hello[random() % hello.size()] = static_cast<char>(random());
    engine.input() = hello.substr(0, 1 + random() % hello.size());
    static_cast<void>(engine.handshake());
    engine.input() += std::string(random() % 300, static_cast<char>(random()));
    static_cast<void>(engine.handshake());
    engine.close();
  }
}

}  // namespace
}  // namespace leadline
