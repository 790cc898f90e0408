// TlsEngine is one end of one TLS connection without its socket: bytes that came go in, bytes to
// send come out. daemon_tls's own; one per connection, not thread-safe.
//
// OpenSSL writes into a string of ours, so that a body of many records leaves in one system call: a
// list of 1,000 pods is 12 records.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/client_certificates.h"
#include "daemon/stream_cipher.h"

struct ssl_st;
struct ssl_ctx_st;

namespace leadline {

class TlsEngine final : public StreamCipher {
 public:
  // A server's end. `context` outlives it. OpenSSL's 20 KB are taken by the first handshake().
  explicit TlsEngine(ssl_ctx_st* context);
  // A client's end: the peer's certificate must be for `server`, a name or an address. `context`
  // says whom to trust, and is not needed any more after that.
  TlsEngine(ssl_ctx_st* context, const std::string& server);
  ~TlsEngine() override;
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  Step handshake() override;
  Read read(char* into, std::size_t size) override;
  Step write(std::string_view bytes) override;
  std::string& input() override { return input_; }
  std::string& output() override { return output_; }
  [[nodiscard]] std::string problem() const override { return problem_; }

  // Our goodbye; the peer's is not waited for. REQUIRES, here and below: the handshake is done.
  void close();

  // What the client showed in the handshake; nullptr where it showed none.
  [[nodiscard]] std::shared_ptr<const ClientCertificates> client_certificates() const;

 private:
  struct Bytes;  // OpenSSL's way to input_ and output_
  void begin();
  Step step_after(int result);

  ssl_ctx_st* context_;
  std::string input_;
  std::size_t consumed_ = 0;  // of input_
  std::string output_;
  ssl_st* ssl_ = nullptr;
  std::string problem_;
};

}  // namespace leadline
