#include "sim/http_stream.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "base/ascii_case.h"
#include "sim/csv.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxHead = 64 << 10;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<void> HttpStreamReader::feed(std::string_view bytes, std::string& body) {
  pending_.erase(0, used_);
  used_ = 0;
  pending_ += bytes;
  for (;;) {
    const auto more = step(body);
    if (!more) return fail(more.error());
    if (!*more) break;
  }
  const bool in_line = phase_ == Phase::kHead || phase_ == Phase::kChunkSize;
  if (in_line && pending_.size() - used_ > kMaxHead) {
    return fail(Errc::kBadInput, "HTTP answer: a line over {} bytes", kMaxHead);
  }
  return {};
}

// One piece of the answer; false when more bytes are needed.
Result<bool> HttpStreamReader::step(std::string& body) {
  switch (phase_) {
    case Phase::kHead:
      return read_head();
    case Phase::kLength:
      return read_bytes(Phase::kDone, body);
    case Phase::kChunkSize:
      return read_chunk_size();
    case Phase::kChunk:
      return read_bytes(Phase::kChunkEnd, body);
    case Phase::kChunkEnd:
      if (!take_line()) return false;
      phase_ = Phase::kChunkSize;
      return true;
    case Phase::kTrailer: {
      const auto line = take_line();
      if (!line) return false;
      if (line->empty()) phase_ = Phase::kDone;
      return true;
    }
    case Phase::kUntilClose:
      body.append(pending_, used_);
      used_ = pending_.size();
      return false;
    case Phase::kDone:
      return false;
  }
  return false;
}

Result<bool> HttpStreamReader::read_head() {
  const auto line = take_line();
  if (!line) return false;
  if (!line->empty()) {
    const auto read = read_header(*line);
    if (!read) return fail(read.error());
    return true;
  }
  if (!status_) return fail(Errc::kBadInput, "HTTP answer: no status line");
  if (chunked_) {
    phase_ = Phase::kChunkSize;
  } else if (length_) {
    left_ = *length_;
    phase_ = left_ == 0 ? Phase::kDone : Phase::kLength;
  } else {
    phase_ = Phase::kUntilClose;
  }
  return true;
}

Result<void> HttpStreamReader::read_header(std::string_view line) {
  if (!status_) {
    if (line.size() >= 12 && line.substr(0, 5) == "HTTP/") {
      status_ = parse_number<int>(line.substr(9, 3));
    }
    if (!status_) return fail(Errc::kBadInput, "HTTP answer: no status line");
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equal_ignoring_case(name, "transfer-encoding")) {
    chunked_ = equal_ignoring_case(value, "chunked");
  } else if (equal_ignoring_case(name, "content-length")) {
    length_ = parse_number<std::uint64_t>(value);
  }
  return {};
}

Result<bool> HttpStreamReader::read_chunk_size() {
  const auto line = take_line();
  if (!line) return false;
  const std::string_view digits = line->substr(0, line->find(';'));
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (error != std::errc() || end == digits.data()) {
    return fail(Errc::kBadInput, "HTTP answer: no chunk size in \"{}\"", *line);
  }
  phase_ = left_ == 0 ? Phase::kTrailer : Phase::kChunk;
  return true;
}

bool HttpStreamReader::read_bytes(Phase next, std::string& body) {
  const std::uint64_t count = std::min<std::uint64_t>(left_, pending_.size() - used_);
  body.append(pending_, used_, count);
  used_ += count;
  left_ -= count;
  if (left_ > 0) return false;
  phase_ = next;
  return true;
}

std::optional<std::string_view> HttpStreamReader::take_line() {
  const std::size_t end = pending_.find('\n', used_);
  if (end == std::string::npos) return std::nullopt;
  const std::string_view line(pending_.data() + used_, end - used_);
  used_ = end + 1;
  return without_carriage_return(line);
}

}  // namespace leadline
