// TlsEngine is the server's end of one TLS connection without its socket: bytes that came go in,
// bytes to send come out. daemon_tls's own; one per connection, not thread-safe.
//
// OpenSSL writes into a string of ours, so that a body of many records leaves in one system call: a
// list of 1,000 pods is 12 records.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/client_certificates.h"

struct ssl_st;
struct ssl_ctx_st;

namespace leadline {

class TlsEngine {
 public:
  // `context` outlives it. OpenSSL's 20 KB are taken by the first handshake().
  explicit TlsEngine(ssl_ctx_st* context);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  // kWantsInput: give it what the peer sends next, then call again. kClosed: the peer said goodbye.
  enum class Step { kDone, kWantsInput, kClosed, kFailed };
  Step handshake();

  // REQUIRES, here and below: the handshake is done.
  struct Read {
    Step step = Step::kFailed;
    std::size_t size = 0;  // with kDone: more than 0
  };
  Read read(char* into, std::size_t size);

  Step write(std::string_view bytes);

  // Our goodbye; the peer's is not waited for.
  void close();

  // What came from the peer and was not consumed yet; callers append to it.
  std::string& input() { return input_; }
  // What is to be sent to the peer; callers take it. There may be some after each call.
  std::string& output() { return output_; }

  // What the client showed in the handshake; nullptr where it showed none.
  [[nodiscard]] std::shared_ptr<const ClientCertificates> client_certificates() const;

 private:
  struct Bytes;  // OpenSSL's way to input_ and output_
  void begin();
  [[nodiscard]] Step step_after(int result) const;

  ssl_ctx_st* context_;
  std::string input_;
  std::size_t consumed_ = 0;  // of input_
  std::string output_;
  ssl_st* ssl_ = nullptr;
};

}  // namespace leadline
