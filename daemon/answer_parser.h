// AnswerParser turns bytes into one HttpAnswer, Beast's basic_parser doing the grammar. It stops at
// a body over the limit as soon as Content-Length or the bytes say so. Internal:
// http_connection.cpp alone includes it.

#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "daemon/http_connection.h"

namespace leadline::net {

namespace beast_http = boost::beast::http;

class AnswerParser final : public beast_http::basic_parser<false> {
 public:
  explicit AnswerParser(std::size_t body_limit_bytes) : limit_(body_limit_bytes) {
    eager(true);
    header_limit(kMaxHeader);
    body_limit(body_limit_bytes);
  }

  // Parses the front of `input` and removes what it used. nullopt: go on (see done()).
  std::optional<HttpError> feed(std::string& input) {
    boost::system::error_code error;
    const bool in_header = !is_header_done();
    const std::size_t used = put({input.data(), input.size()}, error);
    if (in_header) header_bytes_ += used;
    input.erase(0, used);
    if (error && error != beast_http::error::need_more) return failure_of(error);
    // Beast bounds neither headers that come line by line nor a chunk's header line.
    const std::size_t pending = is_header_done() ? 0 : header_bytes_;
    if (!is_done() && pending + input.size() > kMaxHeader) return bad("its header has no end");
    return std::nullopt;
  }

  // The peer closed: the end of a body without a length, else nullopt and done() stays false.
  void feed_end() {
    boost::system::error_code error;
    if (got_some() && is_header_done() && !is_done()) put_eof(error);
  }

  [[nodiscard]] bool done() const { return is_done(); }
  [[nodiscard]] HttpAnswer& answer() { return answer_; }

 private:
  using Error = boost::system::error_code;
  using View = boost::beast::string_view;
  static constexpr std::uint32_t kMaxHeader = 64 * 1024;
  static constexpr std::uint64_t kMaxReserve = 1024 * 1024;  // a peer's word is not yet a body

  static HttpError bad(std::string text) {
    return {HttpFailure::kBadAnswer, {Errc::kBadInput, std::move(text)}};
  }

  HttpError failure_of(const Error& error) const {
    if (!refusal_.empty()) return bad(refusal_);
    if (error != beast_http::error::body_limit) return bad("not HTTP/1.1: " + error.message());
    // Beast refuses before it tells us the length, so it comes from the header itself.
    const auto length = first_header(answer_.headers, "content-length");
    auto text = length.empty()
                    ? fmt::format("body is over the limit of {} bytes", limit_)
                    : fmt::format("body of {} bytes is over the limit of {}", length, limit_);
    return {HttpFailure::kTooLarge, {Errc::kBadInput, std::move(text)}};
  }

  void on_response_impl(int status, View, int, Error&) override { answer_.status = status; }

  void on_field_impl(beast_http::field name, View raw_name, View value, Error& error) override {
    if (is_header_done()) return;  // a trailer
    using beast_http::field;
    const bool plain = name != field::content_encoding || boost::beast::iequals(value, "identity");
    const bool framed = name != field::transfer_encoding || boost::beast::iequals(value, "chunked");
    if (!plain || !framed) {
      refusal_ = fmt::format("has a coding that we did not ask for: {}", value);
      error = beast_http::error::bad_value;
      return;
    }
    if (name == field::content_type) answer_.content_type = value;
    answer_.headers.push_back({std::string(raw_name), std::string(value)});
  }

  void on_header_impl(Error&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error&) override {
    if (length) answer_.body.reserve(static_cast<std::size_t>(std::min(*length, kMaxReserve)));
  }

  std::size_t on_body_impl(View body, Error&) override {
    answer_.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error& error) override {
    return on_body_impl(body, error);
  }

  void on_request_impl(beast_http::verb, View, View, int, Error&) override {}
  void on_finish_impl(Error&) override {}

  HttpAnswer answer_;
  std::string refusal_;
  std::size_t limit_;
  std::size_t header_bytes_ = 0;
};

}  // namespace leadline::net
