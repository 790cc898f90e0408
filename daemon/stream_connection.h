// StreamConnection is one TCP client connection that carries questions and answers of somebody
// else's protocol: the adapter has one to each Redis server. It connects when first asked, and
// again by itself after any failure. One exchange is in flight at a time, with one deadline.
//
// Thread-safety: the loop's thread only. Destroying it closes the connection; a pending callback is
// then never called. Nothing is retried. Without a cipher whoever is on the wire can read it.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "daemon/stream_cipher.h"

namespace leadline {

class EventLoop;

// One question and how its answer is read.
struct StreamExchange {
  std::string bytes;  // to send; not empty
  // Takes what came. true: the answer is complete, and nothing stands behind it; an error refuses
  // the answer and ends the connection.
  std::function<Result<bool>(std::string_view)> feed;
  // From exchange() to the answer's last byte, connecting included.
  std::chrono::milliseconds timeout{2'000};
};

// Whether an address, in numbers, to which a name resolved may be dialled; an error says why not.
using MayDial = std::function<Result<void>(std::string_view address)>;

class StreamConnection {
 public:
  // `host`: a name or an address; a name is resolved at each connecting. `make_cipher`: nullptr for
  // plain TCP. `may_dial`: nullptr allows every address; one of a name's that may not refuses the
  // name.
  StreamConnection(EventLoop& loop, std::string host, std::uint16_t port,
                   MakeCipher make_cipher = nullptr, MayDial may_dial = nullptr);
  ~StreamConnection();
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  // Whether the next exchange goes over the connection of the last one. A peer that spoke unasked
  // is hung up on: its bytes would be taken for the next answer.
  [[nodiscard]] bool connected();

  // Calls `done` later, exactly once. kUnavailable: no connection, no cipher agreed on, or not all
  // of it until the timeout; else the error of `feed` or of `make_cipher`. REQUIRES: no exchange in
  // flight; `done` may start the next.
  void exchange(StreamExchange exchange, std::function<void(Result<void>)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace leadline
