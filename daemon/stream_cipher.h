// StreamCipher is what may stand between a StreamConnection's bytes and its wire: one end of one
// TLS connection without its socket. Bytes that came go in, bytes to send come out. An interface,
// so that who speaks plain TCP links no OpenSSL; TlsEngine is its one implementation. One per
// connection, not thread-safe.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

class StreamCipher {
 public:
  virtual ~StreamCipher() = default;

  // kWantsInput: give it what the peer sends next, then call again. kClosed: the peer said goodbye.
  enum class Step { kDone, kWantsInput, kClosed, kFailed };
  virtual Step handshake() = 0;

  // REQUIRES, here and below: the handshake is done.
  struct Read {
    Step step = Step::kFailed;
    std::size_t size = 0;  // with kDone: more than 0
  };
  virtual Read read(char* into, std::size_t size) = 0;

  virtual Step write(std::string_view bytes) = 0;

  // What came from the peer and was not consumed yet; callers append to it.
  virtual std::string& input() = 0;
  // What is to be sent to the peer; callers take it. There may be some after each call.
  virtual std::string& output() = 0;

  // For a person: why a step failed.
  [[nodiscard]] virtual std::string problem() const = 0;
};

// Called at each connecting, since certificates are renewed.
using MakeCipher = std::function<Result<std::unique_ptr<StreamCipher>>()>;

}  // namespace leadline
