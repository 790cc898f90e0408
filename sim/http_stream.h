// HttpStreamReader reads one HTTP/1.1 answer as it arrives: status, then body bytes with the
// chunked framing taken off. It is what the load generator needs of HTTP and no more; the peer is
// an engine that the operator named.
//
// Pure, incremental. Not synchronised. Source: RFC 9112 §4, §6, §7.1.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

class HttpStreamReader {
 public:
  // Takes what came from the socket; appends body bytes to `body`. kBadInput: no HTTP answer, or a
  // head over 64 KB.
  [[nodiscard]] Result<void> feed(std::string_view bytes, std::string& body);

  // The peer closed: whether the answer was complete by then.
  [[nodiscard]] bool complete_at_close() const { return done() || phase_ == Phase::kUntilClose; }

  [[nodiscard]] bool done() const { return phase_ == Phase::kDone; }
  [[nodiscard]] std::optional<int> status() const { return status_; }

 private:
  enum class Phase { kHead, kLength, kChunkSize, kChunk, kChunkEnd, kTrailer, kUntilClose, kDone };

  [[nodiscard]] Result<bool> step(std::string& body);
  [[nodiscard]] Result<bool> read_head();
  [[nodiscard]] Result<void> read_header(std::string_view line);
  [[nodiscard]] Result<bool> read_chunk_size();
  bool read_bytes(Phase next, std::string& body);
  [[nodiscard]] std::optional<std::string_view> take_line();

  Phase phase_ = Phase::kHead;
  std::string pending_;     // bytes not yet used
  std::size_t used_ = 0;    // of pending_
  std::uint64_t left_ = 0;  // of the length or the chunk
  std::optional<int> status_;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;
};

}  // namespace leadline
