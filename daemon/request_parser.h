// RequestParser turns bytes into one HttpRequest: Beast's basic_parser for the grammar, and on top
// what it lets through (1.81, found by reading and by tests): equal duplicates of Content-Length,
// transfer codings other than chunked, obsolete line folding, trailers mixed into the headers,
// header bytes without end when they come line by line, and chunk headers without end. Internal:
// http_server.cpp alone includes it.
//
// Source: RFC 9112 §3.2 (Host), §5.2 (folding), §6.1 and §6.3 (framing), RFC 9110 §6.5 (trailers).

#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

#include "daemon/http.h"
#include "daemon/http_server.h"

namespace leadline::net {

namespace beast_http = boost::beast::http;

class RequestParser final : public beast_http::basic_parser<true> {
 public:
  explicit RequestParser(const HttpLimits& limits) : limits_(limits) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    body_limit(limits.body_bytes);
  }

  // Parses the front of `input` and removes what it used. 0: go on (see done()); else the status
  // with which to refuse the request, after which the connection must be closed.
  int feed(std::string& input) {
    boost::system::error_code error;
    input_ = input;
    const bool in_header = !is_header_done();
    const std::size_t used = put({input.data(), input.size()}, error);
    if (in_header) header_bytes_ += used;
    input.erase(0, used);
    if (error && error != beast_http::error::need_more) return status_of(error);
    if (!is_header_done() && header_bytes_ + input.size() > limits_.header_bytes) return 431;
    // What is left of a body is at most one chunk header or trailer: Beast has no bound on either.
    if (is_header_done() && !is_done() && input.size() > kMaxChunkHeader) return 400;
    return 0;
  }

  [[nodiscard]] bool started() const { return got_some(); }
  [[nodiscard]] bool done() const { return is_done(); }
  [[nodiscard]] bool expects_continue() const { return expects_continue_ && is_header_done(); }
  [[nodiscard]] bool is_http_1_0() const { return http_1_0_; }
  [[nodiscard]] HttpRequest& request() { return request_; }

 private:
  using Error = boost::system::error_code;
  using View = boost::beast::string_view;
  static constexpr std::size_t kMaxChunkHeader = 16 * 1024;

  static std::string_view text(View view) { return {view.data(), view.size()}; }

  int status_of(const Error& error) const {
    if (refusal_ != 0) return refusal_;
    if (error == beast_http::error::header_limit) return 431;
    if (error == beast_http::error::body_limit) return 413;
    if (error == beast_http::error::bad_version) return 505;
    return 400;
  }

  void refuse(int status, Error& error) {
    refusal_ = status;
    error = beast_http::error::bad_value;
  }

  // Beast unfolds into a buffer of its own, or leaves the line break between name and value.
  bool is_folded(std::string_view name, std::string_view value) const {
    const char* end = input_.data() + input_.size();
    if (value.data() < name.data() || value.data() > end) return true;
    return std::find(name.data() + name.size(), value.data(), '\n') != value.data();
  }

  void on_request_impl(beast_http::verb, View method, View target, int version,
                       Error& /*error*/) override {
    request_.method = method;
    request_.target = target;
    http_1_0_ = version == 10;
  }

  void on_field_impl(beast_http::field name, View raw_name, View value, Error& error) override {
    if (is_header_done())
      return;  // a trailer: it must not pass for a header, an identity least of all
    using beast_http::field;
    if (request_.headers.size() >= limits_.header_lines) return refuse(431, error);
    if (is_folded(text(raw_name), text(value))) return refuse(400, error);
    if (name == field::content_length && ++content_lengths_ > 1) return refuse(400, error);
    if (name == field::host && ++hosts_ > 1) return refuse(400, error);
    if (name == field::transfer_encoding && !boost::beast::iequals(value, "chunked")) {
      return refuse(501, error);
    }
    if (name == field::expect) {
      if (!boost::beast::iequals(value, "100-continue")) return refuse(417, error);
      expects_continue_ = true;
    }
    request_.headers.push_back({std::string(text(raw_name)), std::string(text(value))});
  }

  void on_header_impl(Error& error) override {
    if (!http_1_0_ && hosts_ == 0) refuse(400, error);
    if (http_1_0_ && chunked()) refuse(400, error);
    if (http_1_0_) expects_continue_ = false;
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error&) override {
    if (length) request_.body.reserve(static_cast<std::size_t>(*length));  // ≤ the body limit
  }

  std::size_t on_body_impl(View body, Error&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error& error) override {
    return on_body_impl(body, error);
  }

  void on_response_impl(int, View, int, Error&) override {}
  void on_finish_impl(Error&) override {}

  const HttpLimits& limits_;
  HttpRequest request_;
  std::string_view input_;  // what put() is looking at
  std::size_t header_bytes_ = 0;
  int content_lengths_ = 0;
  int hosts_ = 0;
  int refusal_ = 0;
  bool expects_continue_ = false;
  bool http_1_0_ = false;
};

}  // namespace leadline::net
